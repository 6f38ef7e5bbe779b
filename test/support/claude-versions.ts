// The versions of Claude Code that tests use beside the installed one: which there are, what each is known to do, and how
// a test gets its program. `npm run test:versions` runs all of them, `npm test` those that are marked `everyTime`.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';

const installer = path.resolve(import.meta.dirname, '../claude/versions/install.sh');

/** A native package has 400 MB; a registry that takes longer than this is out of reach, in ms. */
const installLimitMs = 240_000;

export type TriedVersion = {
  readonly version: string;
  /** Where its own spans come. */
  readonly spans: 'below the step' | 'in traces of their own' | 'none';
  /** Its result line has the use of each model. */
  readonly modelUsage: boolean;
  /** Tried by `npm test` too: one of each kind, and each small. */
  readonly everyTime?: true;
};

/** From old to new: the first and last of each kind. docs/claude-versions.md shows the same table. */
export const triedVersions: readonly TriedVersion[] = [
  { version: '1.0.53', spans: 'none', modelUsage: false },
  { version: '1.0.60', spans: 'none', modelUsage: false },
  { version: '1.0.110', spans: 'none', modelUsage: false, everyTime: true },
  { version: '2.0.0', spans: 'none', modelUsage: true },
  { version: '2.0.42', spans: 'none', modelUsage: true, everyTime: true },
  { version: '2.0.45', spans: 'none', modelUsage: true },
  { version: '2.0.72', spans: 'none', modelUsage: true },
  { version: '2.0.73', spans: 'none', modelUsage: true },
  { version: '2.1.0', spans: 'none', modelUsage: true },
  { version: '2.1.7', spans: 'in traces of their own', modelUsage: true },
  { version: '2.1.61', spans: 'in traces of their own', modelUsage: true, everyTime: true },
  { version: '2.1.105', spans: 'in traces of their own', modelUsage: true },
  { version: '2.1.112', spans: 'below the step', modelUsage: true },
  { version: '2.1.200', spans: 'below the step', modelUsage: true },
  { version: '2.1.259', spans: 'below the step', modelUsage: true },
  { version: '2.1.332', spans: 'below the step', modelUsage: true },
];

/** STEPSPAN_CLAUDE_VERSIONS is `all`, or versions with spaces between; without it those of every time. */
export const wantedVersions = triedVersions.filter(({ version, everyTime }) => {
  const asked = process.env.STEPSPAN_CLAUDE_VERSIONS || '';
  return asked === '' ? everyTime === true : asked === 'all' || asked.split(' ').includes(version);
});

export type ProvidedClaude =
  | { readonly kind: 'ready'; readonly program: string }
  /** `why` is for the name of a skipped test. */
  | { readonly kind: 'absent'; readonly why: string };

/** Installs the version into the cache unless it is there. Call it at the top of a test file, for `describe.skipIf`. */
export async function provideClaude(version: string): Promise<ProvidedClaude> {
  const program = path.join(cacheFolder(), version, 'bin/claude');
  if (existsSync(program)) return { kind: 'ready', program };
  try {
    await promisify(execFile)('bash', [installer, version], { timeout: installLimitMs });
    return { kind: 'ready', program };
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string };
    return { kind: 'absent', why: (stderr.trim() || message).split('\n').at(-1) ?? '' };
  }
}

function cacheFolder(): string {
  const { STEPSPAN_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  const base = STEPSPAN_CACHE_DIR || path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'stepspan');
  return path.join(base, 'claude-code');
}

/** Those of the flags that the program does not take. It names the first unknown one, and then starts nothing. */
export async function unknownFlags(program: string, flags: readonly string[]): Promise<readonly string[]> {
  const home = mkdtempSync(path.join(tmpdir(), 'stepspan-flags-'));
  const env = { ...claudeTestEnvironment({ apiUrl: 'http://127.0.0.1:9', home }) };
  const unknown: string[] = [];
  for (;;) {
    const known = flags.filter((flag) => flag !== '-p' && !unknown.includes(flag));
    // With a value for those that take one; others take it for a prompt, which is never sent.
    const given = known.flatMap((flag) => [flag, ...(flagValues[flag] ?? [])]);
    const { stderr } = await promisify(execFile)(program, ['-p', ...given, '--no-such-flag'], { env }).catch(
      (error: { readonly stderr: string }) => error,
    );
    const named = /unknown option '(--[^']*)'/.exec(stderr)?.[1];
    if (named === '--no-such-flag') break;
    if (named === undefined || !known.includes(named)) throw new Error(stderr);
    unknown.push(named);
  }
  rmSync(home, { recursive: true, force: true });
  return flags.filter((flag) => unknown.includes(flag));
}

/** Those of the permission modes that the program does not take. A wrong one makes it list all that it has. */
export async function unknownModes(program: string, modes: readonly string[]): Promise<readonly string[]> {
  const home = mkdtempSync(path.join(tmpdir(), 'stepspan-modes-'));
  const env = { ...claudeTestEnvironment({ apiUrl: 'http://127.0.0.1:9', home }) };
  const { stderr } = await promisify(execFile)(program, ['-p', '--permission-mode', 'none-such'], { env }).catch(
    (error: { readonly stderr: string }) => error,
  );
  rmSync(home, { recursive: true, force: true });
  const listed = /choices are (.*)\./.exec(stderr)?.[1]?.split(', ');
  if (listed === undefined) throw new Error(stderr);
  return modes.filter((mode) => !listed.includes(mode));
}

const id = '5f9b8f0e-0000-4000-8000-000000000000';
const flagValues: Readonly<Record<string, readonly string[]>> = {
  '--model': ['x'],
  '--permission-mode': ['default'],
  '--allowedTools': ['Read'],
  '--disallowedTools': ['Read'],
  '--mcp-config': ['{}'],
  '--max-budget-usd': ['1'],
  '--max-turns': ['1'],
  '--system-prompt': ['x'],
  '--append-system-prompt': ['x'],
  '--system-prompt-file': ['/dev/null'],
  '--append-system-prompt-file': ['/dev/null'],
  '--json-schema': ['{}'],
  '--resume': [id],
  '--session-id': [id],
  '--output-format': ['text'],
  '--settings': ['{}'],
  '--permission-prompts': ['none'],
  '--effort': ['low'],
};
