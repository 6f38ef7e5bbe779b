// Packs stepspan as README says, and installs the tarball into an empty folder as a user would. Packing happens in a copy,
// because it builds, and a build in the clone would take `dist` away under other tests. The copy has no node_modules, like
// a fresh clone.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export type Installed = {
  /** Where the user works; the package is in its node_modules. */
  readonly folder: string;
  /** Paths in the tarball. */
  readonly files: readonly string[];
  /** Paths of all packages that the install brought, stepspan among them. */
  readonly packages: readonly string[];
  /** Runs a program there, with a data folder and a HOME of its own and this Node first on PATH. */
  readonly run: (program: string, args: readonly string[], options?: RunOptions) => Promise<Ended>;
  readonly remove: () => void;
};

export type RunOptions = { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> };

/** Everything that the build and the tarball are made from. */
const sources = [
  'scripts',
  ...[
    'src',
    'web',
    'bin',
    'docs',
    'schema',
    'package.json',
    'package-lock.json',
    '.npmrc',
    'tsconfig.json',
    'tsconfig.build.json',
    'LICENSE',
  ],
  ...[
    'docker-compose.yml',
    'otel-collector.yaml',
    'otel-collector-redaction.yaml',
    'otel-collector-metrics.yaml',
    'stack',
    'grafana',
    'alerting',
  ],
];
const npmFlags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

export function packAndInstall(): Installed {
  const temp = mkdtempSync(path.join(tmpdir(), 'stepspan-package-'));
  const tarball = pack(path.join(temp, 'clone'), temp);
  const folder = path.join(temp, 'user');
  const home = path.join(temp, 'home');
  for (const made of [folder, home]) mkdirSync(made);
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  npm(folder, 'install', ...npmFlags, tarball.file);
  const lock = JSON.parse(readFileSync(path.join(folder, 'node_modules', '.package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, unknown>>;
  };
  const env = {
    PATH: [path.dirname(process.execPath), process.env.PATH].join(path.delimiter),
    HOME: home,
    STEPSPAN_DATA_DIR: path.join(temp, 'data'),
  };
  return {
    folder,
    files: tarball.files,
    packages: Object.keys(lock.packages),
    run: (program, args, options = {}) => runProgram(program, args, options.cwd ?? folder, { ...env, ...options.env }),
    remove: () => rmSync(temp, { recursive: true, force: true }),
  };
}

function pack(copy: string, target: string): { readonly file: string; readonly files: readonly string[] } {
  for (const name of [...sources, 'README.md', 'SECURITY.md', 'examples'])
    cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  // The build writes to standard output too; what npm says of the tarball is the last thing.
  const said = npm(copy, 'pack', '--json', '--pack-destination', target);
  const [packed] = JSON.parse(said.slice(said.search(/^\[$/m))) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  return { file: path.join(target, packed.filename), files: packed.files.map((file) => file.path) };
}

/** With the person's npm settings, which say where the registry is. */
function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function runProgram(program: string, args: readonly string[], cwd: string, env: Record<string, string | undefined>) {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

/** A program on this machine that is a Node too old for stepspan; undefined if none is found. */
export function oldNode(): string | undefined {
  const candidates = [process.env.STEPSPAN_OLD_NODE ?? '', '/usr/bin/node', '/usr/local/bin/node'];
  return candidates
    .filter((each) => each !== '')
    .find((program) => {
      const asked = spawnSync(program, ['-p', 'process.versions.node'], { encoding: 'utf8' });
      const [major = 99, minor = 0] = (asked.stdout ?? '').split('.').map(Number);
      return asked.status === 0 && (major < 22 || (major === 22 && minor < 15));
    });
}
