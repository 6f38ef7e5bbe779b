// Bundles the program for the package: a command that loads a few files starts several times faster than one that loads hundreds.
// Writes dist/app with source maps, and the licences of the packages that are in it. Part of `npm run build`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type OutputChunk, rolldown } from 'rolldown';

const root = path.resolve(import.meta.dirname, '..');
/** The folder of the build: dist, unless another is named. */
const build = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
const target = path.join(build, 'app');

/** All files are in one folder, as the program looks for main.js and worker.js beside the file that names them. */
const entries = {
  main: 'src/cli/main.ts',
  library: 'src/library/index.ts',
  worker: 'src/readers/ship/worker.ts',
  client: 'src/api/tail/client.ts',
};

/**
 * The packages that short commands wait for. All others stay outside: the SDK and the web server load what they need by name,
 * and koffi is a program for one system.
 */
const bundled = [
  'commander',
  'yaml',
  'zod',
  'pidtree',
  'pidusage',
  // execa and what it loads.
  '@sec-ant/readable-stream',
  '@sindresorhus/merge-streams',
  'execa',
  'figures',
  'get-stream',
  'human-signals',
  'is-plain-obj',
  'is-stream',
  'is-unicode-supported',
  'npm-run-path',
  'parse-ms',
  'path-key',
  'pretty-ms',
  'signal-exit',
  'strip-final-newline',
  'unicorn-magic',
  'which-command',
  'yoctocolors',
];

const isOutside = (id: string): boolean =>
  /^[@a-z]/.test(id) && !bundled.some((name) => id === name || id.startsWith(`${name}/`));

async function bundle(): Promise<readonly OutputChunk[]> {
  const bundler = await rolldown({
    cwd: root,
    input: entries,
    platform: 'node',
    external: (id) => id.startsWith('node:') || isOutside(id),
    treeshake: true,
  });
  const { output } = await bundler.write({
    dir: target,
    format: 'esm',
    sourcemap: true,
    // Without comments and white space a start reads and checks a quarter less. Names stay, so that a stack trace can be read.
    minify: { compress: false, mangle: false, codegen: true },
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  });
  await bundler.close();
  return output.filter((file) => file.type === 'chunk');
}

/** The folder of the package that a bundled file is from. */
function packageFolder(file: string): string | undefined {
  const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file);
  return found?.[1];
}

/** The texts that the licences of bundled packages want to be kept beside them. Throws if a package has none. */
function licences(chunks: readonly OutputChunk[]): string {
  const folders = new Set(
    chunks.flatMap((chunk) => chunk.moduleIds.map(packageFolder)).filter((each) => each !== undefined),
  );
  const texts = [...folders].sort().map((folder) => {
    const manifest: { name: string; version: string; license: string } = JSON.parse(
      readFileSync(path.join(folder, 'package.json'), 'utf8'),
    );
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${manifest.name} has no licence file; leave it out of the bundle`);
    return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
  });
  return `dist/app contains code of these packages.\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}

writeFileSync(path.join(build, 'LICENSES.txt'), licences(await bundle()));
