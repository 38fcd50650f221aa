// Programs that topics show, taken out of the compiled topic and run as a reader would run them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listen } from '../../src/http/listen.ts';
import { createReferenceApi } from '../../src/reference/api.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import { type Block, plainText } from '../../src/topic/block.ts';
import { ROOT } from '../cli/support.ts';
import { compiled, temporaryFolder } from '../support.ts';

/** The fences of one of our topics, by section: `program('IN PYTHON', 'python')` is the first such fence below that heading. */
export function programs(path: string): (section: string, lang: string, position?: number) => string {
  const blocks: Block[] = JSON.parse(compiled(readFileSync(join(ROOT, 'content', path), 'utf8'), path).blocks);
  return (section, lang, position = 0) => {
    const start = blocks.findIndex((block) => isHeading(block) && plainText(block.spans) === section);
    if (start === -1) throw new Error(`${path} has no section ${section}`);
    const end = blocks.findIndex((block, index) => index > start && isHeading(block));
    const fences = blocks.slice(start, end === -1 ? undefined : end).filter((block) => block.type === 'code');
    const found = fences.filter((block) => block.lang === lang)[position];
    if (found === undefined) throw new Error(`${path}, ${section}: no fence ${position} in ${lang}`);
    return found.text;
  };
}

function isHeading(block: Block): block is Extract<Block, { type: 'heading' }> {
  return block.type === 'heading' && block.level <= 2;
}

export interface ReferenceServer {
  /** Where charges are made. */
  charges: string;
  /** Makes a sandbox; answers its header Authorization. */
  sandbox(): Promise<string>;
  close(): Promise<void>;
}

/** The reference API on a port and a file of its own. */
export async function serveReference(): Promise<ReferenceServer> {
  const path = join(temporaryFolder(), 'reference.sqlite');
  const api = createReferenceApi({
    open: () => new SqliteLedger(path),
    prefix: '/api',
    pageUrl: () => 'about:blank',
    report: (error) => console.error(error),
  });
  const server = await listen((request) => api.answer(request), '127.0.0.1', 0);
  const sandbox = async () => {
    const response = await fetch(`${server.url}api/sandboxes`, { method: 'POST' });
    const { token } = (await response.json()) as { token: string };
    return `Bearer ${token}`;
  };
  const close = async () => {
    await server.close();
    api.close();
  };
  return { charges: `${server.url}api/charges`, sandbox, close };
}
