// Builds the live page into dist/page: static files that need nothing but the API of the server they come from.
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** Writes each script and style sheet a second time, compressed: with gzip, as over plain HTTP browsers take nothing better. */
const compressed: Plugin = {
  name: 'compressed',
  generateBundle: {
    // Vite writes the addresses of lazy scripts into the others at last.
    order: 'post',
    handler(_options, bundle) {
      for (const file of Object.values(bundle)) {
        const source = file.type === 'chunk' ? file.code : file.source;
        if (/\.(js|css)$/.test(file.fileName))
          this.emitFile({ type: 'asset', fileName: `${file.fileName}.gz`, source: gzipSync(source, { level: 9 }) });
      }
    },
  },
};

export default defineConfig({
  root: import.meta.dirname,
  // The page may be served below a path by a proxy, so it names its own files relative to itself.
  base: './',
  plugins: [compressed],
  // The tsconfig beside this file says the same to the type checker.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need a wider Content-Security-Policy than files do.
    assetsInlineLimit: 0,
    // Chromium, Firefox and Safari of the last years preload modules themselves; the polyfill is a script more.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
});
