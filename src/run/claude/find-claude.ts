// Finds the Claude Code CLI and asks for its version. Starts one process: `claude --version` (12 ms).
import { access, constants, stat } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { askClaude } from './ask-claude.ts';
import { SHIM_FOLDER } from './path-shim.ts';

export type ClaudeProgram = { readonly path: string; readonly version: string };

export type ClaudeFound =
  | ({ readonly kind: 'found' } & ClaudeProgram)
  /** Nowhere, or not to be started; `path` is what was looked for, and `message` says what to do. */
  | { readonly kind: 'missing'; readonly path: string; readonly message: string };

/** Without its version nothing can be run; on a busy machine the old ones, which are JavaScript, need several seconds. */
const VERSION_LIMIT_MS = 60_000;

/**
 * @param setBy who set it, for messages: that variable, a flag or a settings file
 * @param env STEPSPAN_CLAUDE names the program (a path, or a name on PATH); without it `claude` on PATH is taken
 */
export async function findClaude(
  env: Readonly<Record<string, string | undefined>>,
  setBy = 'STEPSPAN_CLAUDE',
): Promise<ClaudeFound> {
  const asked = env.STEPSPAN_CLAUDE;
  const name = asked === undefined || asked === '' ? 'claude' : asked;
  const path = name.includes('/') ? name : await onPath(name, env.PATH ?? '');
  const origin = name === asked ? `${setBy} names` : 'PATH has';
  if (path === undefined) {
    const message =
      name === asked
        ? `${setBy} is "${name}", and there is no such program on PATH; write the path of the claude program`
        : 'there is no `claude` on PATH; install Claude Code (npm install -g @anthropic-ai/claude-code) or set STEPSPAN_CLAUDE';
    return { kind: 'missing', path: name, message };
  }
  const unfit = await problemOfFile(path);
  if (unfit !== undefined) return { kind: 'missing', path, message: `${origin} ${path}, which ${unfit}` };
  const answer = await askClaude(path, ['--version'], { env, limitMs: VERSION_LIMIT_MS });
  if (!answer.ok) {
    return {
      kind: 'missing',
      path,
      message: `${origin} ${path}, which cannot be run: ${answer.why}; run it with --version to see why, or install Claude Code again`,
    };
  }
  const version = /\d+\.\d+\.\d+\S*/.exec(answer.stdout)?.[0];
  if (version === undefined || !/claude/i.test(answer.stdout)) {
    const said = JSON.stringify(answer.stdout.trim().slice(0, 80));
    return { kind: 'missing', path, message: `${origin} ${path}, which is not Claude Code: --version says ${said}` };
  }
  return { kind: 'found', path, version };
}

async function onPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((each) => each !== '' && basename(each) !== SHIM_FOLDER)) {
    const candidate = join(folder, name);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

/** What a path names that is not a program. */
async function problemOfFile(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'does not exist; write the path of the claude program';
  if (!found.isFile()) return 'is a folder; write the path of the program in it';
  return (await isProgram(path)) ? undefined : `is not executable by this user; make it so with \`chmod +x ${path}\``;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
