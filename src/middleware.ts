import type { MiddlewareHandler } from 'astro';

/** In development the page comes from Docent's own request handling; a built theme is handed its page by the renderer. */
export const onRequest: MiddlewareHandler = async (context, next) => {
  if (!import.meta.env.DEV) return next();
  const { answer } = await import('./theme/dev.ts');
  return answer(context.request, (page) => {
    context.locals.page = page;
    return next();
  });
};
