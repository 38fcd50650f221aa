/// <reference types="astro/client" />

declare namespace App {
  interface Locals {
    /** What the catch-all route lays out. Set by the renderer, in development by the middleware. */
    page: import('./render/page.ts').Page;
  }
}
