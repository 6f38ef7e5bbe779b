// Where the benchmarks work: a scratch folder with a build of this package in it, as it would be installed, and data
// files that are made once. What is measured is what is shipped, not sources that Node strips of types while it starts.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const clone = path.resolve(import.meta.dirname, '../..');

export type Place = {
  readonly root: string;
  /** The built program, to be run with `node`. */
  readonly program: string;
  /** The compiled module of `src/<name>.ts`, as a path to import: the bundle has none by itself. */
  readonly built: (name: string) => string;
  /** A new empty folder. */
  readonly folder: (name: string) => string;
  /** A file of lines of `lineBytes` bytes with their LF, `totalBytes` in all at least. Made unless it is there, and in the page cache. */
  readonly linesFile: (lineBytes: number, totalBytes: number) => { readonly file: string; readonly lines: number };
  readonly remove: () => void;
};

export function makePlace(): Place {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-bench-'));
  execFileSync(process.execPath, [path.join(clone, 'scripts', 'bundle.ts'), path.join(root, 'dist')]);
  const tsc = path.join(clone, 'node_modules', '.bin', 'tsc');
  const flags = [
    '--emitDeclarationOnly',
    'false',
    '--declaration',
    'false',
    '--outDir',
    path.join(root, 'modules', 'src'),
  ];
  execFileSync(tsc, ['-p', path.join(clone, 'tsconfig.build.json'), ...flags]);
  cpSync(path.join(clone, 'package.json'), path.join(root, 'package.json'));
  cpSync(path.join(clone, 'package.json'), path.join(root, 'modules', 'package.json'));
  cpSync(path.join(clone, 'bin'), path.join(root, 'bin'), { recursive: true });
  symlinkSync(path.join(clone, 'node_modules'), path.join(root, 'node_modules'));
  let folders = 0;
  return {
    root,
    program: path.join(root, 'bin', 'stepspan.js'),
    built: (name) => path.join(root, 'modules', 'src', `${name}.js`),
    folder(name) {
      const folder = path.join(root, `${name}-${folders++}`);
      mkdirSync(folder);
      return folder;
    },
    linesFile(lineBytes, totalBytes) {
      const file = path.join(root, `lines-${lineBytes}-${totalBytes}`);
      const lines = Math.ceil(totalBytes / lineBytes);
      if (!existsSync(file)) writeLines(file, lineBytes, lines);
      return { file, lines };
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

const words =
  'error info warn connection established request completed handler timeout database user session started finished ' +
  'building module src/index.ts test passed in ms GET POST /api/v1/items 200 404 cache miss hit worker example.org/a';

/** Log text as programs print it: a time, words and a number, no line like the one before. */
function writeLines(file: string, lineBytes: number, lines: number): void {
  const vocabulary = words.split(' ');
  const fd = openSync(file, 'w');
  // A block of lines is repeated: compressing and comparing still see megabytes of different text.
  const perBlock = Math.max(1, Math.min(lines, Math.floor((8 << 20) / lineBytes)));
  const block = Array.from({ length: perBlock }, (_, index) => {
    const parts = [`2026-11-23T15:26:${String(index % 60).padStart(2, '0')}.123Z`];
    for (let length = 25, at = index * 31; length < lineBytes; at += 7919) {
      const word = vocabulary[at % vocabulary.length] ?? '';
      parts.push(word);
      length += word.length + 1;
    }
    const end = ` ${((index * 2654435761) >>> 0).toString(16).padStart(8, '0')}\n`;
    return `${parts.join(' ').slice(0, lineBytes - end.length)}${end}`;
  });
  const bytes = Buffer.from(block.join(''));
  for (let left = lines; left > 0; left -= perBlock) {
    writeSync(fd, left >= perBlock ? bytes : bytes.subarray(0, left * lineBytes));
  }
  closeSync(fd);
}
