// The files of the live page, as vite has built them into dist/page, for browsers; a hint if they were not built.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import staticFiles from 'express-static-gzip';
import { pagePolicy, permissions } from './access/security-headers.ts';

/** Beside the built hub in a package, and in dist where the source runs unbuilt. */
export function pageFolder(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../dist/page/' : '../page/', import.meta.url));
}

/** Undefined if the page was not built. */
export function pageFiles(folder = pageFolder()): RequestHandler | undefined {
  if (!existsSync(join(folder, 'index.html'))) return undefined;
  const files = staticFiles(folder, {
    index: 'index.html',
    // Where a file has a compressed one beside it (.gz), a browser that takes it gets that: a third of the size.
    serveStatic: {
      dotfiles: 'ignore',
      redirect: false,
      cacheControl: false,
      setHeaders(response, path) {
        // The names of built files carry their hash; only what names them must be asked for again.
        const isHashed = path.includes('/assets/');
        response.setHeader('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    },
  });
  return (request, response, next) => {
    // A person with curl asks for `/` too, and gets the addresses as text.
    if (request.path === '/' && request.accepts(['text/plain', 'text/html']) !== 'text/html') {
      next();
      return;
    }
    response.set({
      'Content-Security-Policy': pagePolicy(request.headers.host ?? ''),
      'Permissions-Policy': permissions,
      Vary: 'Accept',
    });
    files(request, response, next);
  };
}
