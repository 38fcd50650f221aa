import type { HelpHandler } from './handler.ts';

/** An API that is served beside the help. */
export interface MountedApi {
  /** Path that all of its URLs begin with, base path included, without a final slash. */
  prefix: string;
  /** A path below the prefix that is the help's all the same. */
  except: string;
  answer(request: Request): Promise<Response>;
}

/** One handler for both: what is below the API's prefix is the API's, everything else the help's. */
export function mountApi(help: HelpHandler, { prefix, except, answer }: MountedApi): HelpHandler {
  return (request) => {
    // A look at the text first: nearly every request is for help, and taking its URL apart would cost as much as the answer.
    if (!request.url.includes(`${prefix}/`)) return help(request);
    const { pathname } = new URL(request.url);
    const own = isBelow(pathname, prefix) && pathname !== except && !isBelow(pathname, except);
    return own ? answer(request) : help(request);
  };
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(`${prefix}/`);
}
