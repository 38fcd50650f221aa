import type { Emitter } from 'highlight.js';
import hljs from 'highlight.js/lib/common';
import http from 'highlight.js/lib/languages/http';

/** Above this, colours are not worth the time. Characters. */
const HIGHLIGHT_LIMIT = 50_000;

/** Text as the sanitizer writes it: quotation marks and no-break spaces need no escape there. */
export function escapeText(text: string): string {
  if (!/[&<>]/.test(text)) return text;
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Writes HTML while highlight.js finds it, as that itself does from a tree when all is found. Its own escapes quotation marks, and
 * does all of it twice for a language within another, such as the JSON in an HTTP message.
 */
class HtmlEmitter implements Emitter {
  private html = '';
  /** What ends each scope that is open. */
  private readonly ends: string[] = [];

  addText(text: string): void {
    this.html += escapeText(text);
  }

  /** @param scope such as `title.function.inherited`; sometimes there is none. */
  openNode(scope: string | undefined): void {
    if (scope) this.html += `<span class="${classesOf(scope)}">`;
    this.ends.push(scope ? '</span>' : '');
  }

  closeNode(): void {
    this.html += this.ends.pop() ?? '';
  }

  startScope(scope: string): void {
    this.openNode(scope);
  }

  endScope(): void {
    this.closeNode();
  }

  /** The name of a language within another is no class that a page may have. */
  __addSublanguage(emitter: Emitter, name: string | undefined): void {
    emitter.finalize();
    this.html += name ? `<span>${emitter.toHTML()}</span>` : emitter.toHTML();
  }

  finalize(): void {
    while (this.ends.length > 0) this.closeNode();
  }

  toHTML(): string {
    return this.html;
  }
}

/** `title.function.inherited` → `hljs-title function_ inherited__`. */
function classesOf(scope: string): string {
  if (!scope.includes('.')) return `hljs-${scope}`;
  const [first, ...others] = scope.split('.');
  return [`hljs-${first}`, ...others.map((name, index) => name + '_'.repeat(index + 1))].join(' ');
}

hljs.registerLanguage('http', http);
hljs.configure({
  // The body of an HTTP message is JSON, or has no colours: to guess among all languages takes seconds.
  languages: ['json'],
  __emitter: HtmlEmitter,
});

/** @returns code as HTML, in colours; undefined when nobody knows the language, or it is too long. */
export function highlight(text: string, language: string): string | undefined {
  if (language === '' || text.length > HIGHLIGHT_LIMIT || hljs.getLanguage(language) === undefined) return undefined;
  return hljs.highlight(text, { language, ignoreIllegals: true }).value;
}
