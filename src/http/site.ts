import type { Pack } from '../pack/read.ts';
import type { RenderContext } from '../render/context.ts';
import type { PageRenderer } from '../render/page.ts';

/** All that a server needs to answer: a catalog, how it is published, and a theme. */
export interface HelpSite {
  pack: Pack;
  context: RenderContext;
  pages: PageRenderer;
  /** Published schemas by file name. */
  schemas: Map<string, string>;
}
