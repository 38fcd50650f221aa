import { escapeAttribute, escapeText } from 'entities/escape';

/**
 * What stands for a redirect where no server sends one: a page that leads on by itself, and by a link where a browser does not.
 * @param url where it leads, ready for an `href`.
 * @param canonical the same as a public address.
 */
export function redirectPage(url: string, canonical: string): string {
  const href = escapeAttribute(url);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Moved</title>
    <meta name="robots" content="noindex">
    <link rel="canonical" href="${escapeAttribute(canonical)}">
    <meta http-equiv="refresh" content="0; url=${href}">
  </head>
  <body>
    <p>This page is at <a href="${href}">${escapeText(url)}</a>.</p>
  </body>
</html>
`;
}
