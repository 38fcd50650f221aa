// How a page marks the fences of an example, so that its script knows what a Run button sends.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compiled } from '../support.ts';

const REQUEST = '```http\nGET /a HTTP/1.1\n```\n';
const RESPONSE = '```http\nHTTP/1.1 200 OK\n```\n';

describe('the page', () => {
  const html = (text: string, allowHtml = false) => compiled(text, 'a.md', { allowHtml }).html;

  test('marks both fences, together when nothing stands between them', () => {
    const outline = (text: string) =>
      html(text)
        .replace(/<pre.*?<\/pre>/gs, 'PRE')
        .replaceAll('\n', '');
    const request = '<div class="example-request" data-example="1">PRE</div>';
    const response = '<div class="example-response" data-example="1">PRE</div>';
    assert.equal(outline(`${REQUEST}\n${RESPONSE}`), `<div class="example">${request}${response}</div>`);
    assert.equal(outline(`${REQUEST}\n[x]: /y\n\n${RESPONSE}`), `<div class="example">${request}${response}</div>`);
    assert.equal(outline(`${REQUEST}\nThen:\n\n${RESPONSE}`), `${request}<p>Then:</p>${response}`);
    assert.equal(
      outline(`> ${REQUEST.replaceAll('\n', '\n> ')}\n${RESPONSE}`),
      `<blockquote>${request}</blockquote>${response}`,
    );
    assert.equal(outline(REQUEST.replace('http', 'http id=x skip="y"')), request.replace('1', 'x'));
  });

  test('does not believe raw HTML that claims to be one', () => {
    const forged = [
      '<div class="example"><div class="example-request" data-example="1"><pre>GET /harmless</pre></div></div>',
      '<p class="example-request" data-example="1">x</p>',
      '<div data-example="1">x</div>',
    ].join('\n');
    const real = html(`${REQUEST}${RESPONSE}`);
    const whole = html(`${REQUEST}${RESPONSE}\n${forged}\n`, true);
    assert.ok(whole.startsWith(real));
    assert.ok(!/class=|data-/.test(whole.slice(real.length)), whole.slice(real.length));
  });

  test('is the same each time', () => {
    assert.equal(html(`${REQUEST}${RESPONSE}`, true), html(`${REQUEST}${RESPONSE}`, true));
  });
});
