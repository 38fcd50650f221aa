import { join } from 'node:path';
import { writePack } from '../../src/pack/write.ts';
import type { Catalog, CatalogTopic } from '../../src/topic/compiled.ts';
import type { Product } from '../../src/topic/descriptor.ts';
import { temporaryFolder } from '../support.ts';

export const TEAPOT: Product = {
  name: 'teapot',
  command: 'teapot help',
  version: '4.1.8',
  releaseUrl: 'https://teapot.example/4.1.8',
};

/** A topic whose every field says which topic it is. */
export function topic(id: string, more: Partial<CatalogTopic> = {}): CatalogTopic {
  return {
    descriptor: {
      topic: id,
      path: id.split('.'),
      title: `Title of ${id}`,
      synopsis: `*Synopsis* of ${id}`,
      body: `# ${id}\r\n\n“body” 😀 \u0000\n`,
      sections: [{ name: 'NAME', body: id }],
      see_also: ['x', 'y.Z'],
      stability: 'stable',
      actions: (more.actions ?? []).map(({ name }) => name),
    },
    tagline: `tagline of ${id}`,
    html: `<p>${id} 😀</p>\n`,
    blocks: JSON.stringify([{ type: 'paragraph', spans: [id, { type: 'code', text: "it's" }] }]),
    outline: [{ level: 2, id: 'name', text: 'NAME' }],
    actions: [],
    examplePlaces: [],
    hash: 'f'.repeat(64),
    ...more,
  };
}

/** A catalog with something in every place. */
export function fullCatalog(): Catalog {
  const script = {
    name: 'script',
    mediaType: 'text/x-sh; charset=utf-8',
    description: 'Brews',
    bytes: new Uint8Array([0, 255, 10]),
  };
  const schema = { name: 'Schema', mediaType: 'application/json', description: '', bytes: new Uint8Array() };
  return {
    topics: [
      topic('Alpha'),
      topic('b'),
      topic('b.C', { actions: [schema, script] }),
      topic('b.C.deep', { hash: '', tagline: '', html: '', blocks: '[]', outline: [] }),
      topic('b.d'),
    ],
    landing: {
      title: 'Welcome',
      tagline: 'Hello',
      body: '# Welcome\n',
      html: '<p>Hello</p>\n',
      blocks: [{ type: 'rule' }],
    },
    aliases: new Map([
      ['old/name', 'b/c'],
      ['other', 'alpha'],
    ]),
    files: new Map([
      ['images/tea pot.png', { mediaType: 'image/png', bytes: new Uint8Array([137, 80, 0]) }],
      ['empty.svg', { mediaType: 'image/svg+xml', bytes: new Uint8Array() }],
    ]),
  };
}

/** Writes a pack into a folder of its own; answers its path. */
export function written(catalog: Catalog = fullCatalog(), product = TEAPOT): string {
  const path = join(temporaryFolder(), 'site.pack');
  writePack(path, catalog, product);
  return path;
}
