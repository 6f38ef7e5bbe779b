// Finds the Claude Code CLI and asks for its version. Starts processes: `claude --version` (12 ms), `--help` (130 ms).
import { execFile } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export type ClaudeFound =
  | { readonly kind: 'found'; readonly path: string; readonly version: string }
  /** Nowhere, or not to be started; `message` says what to do. */
  | { readonly kind: 'missing'; readonly message: string };

/** A version that takes longer than this, in ms, hangs. */
const ASK_LIMIT_MS = 10_000;

/**
 * @param env STEPSPAN_CLAUDE names the program (a path, or a name on PATH); without it `claude` on PATH is taken
 */
export async function findClaude(env: Readonly<Record<string, string | undefined>>): Promise<ClaudeFound> {
  const asked = env.STEPSPAN_CLAUDE;
  const name = asked === undefined || asked === '' ? 'claude' : asked;
  const path = name.includes('/') ? name : await onPath(name, env.PATH ?? '');
  const origin = name === asked ? 'STEPSPAN_CLAUDE names' : 'PATH has';
  if (path === undefined) {
    const message =
      name === asked
        ? `STEPSPAN_CLAUDE is "${name}", which is not on PATH; give it the path of the claude program`
        : 'there is no `claude` on PATH; install Claude Code (npm install -g @anthropic-ai/claude-code) or set STEPSPAN_CLAUDE';
    return { kind: 'missing', message };
  }
  const answer = await ask(path, ['--version'], env);
  if (!answer.ok) {
    return {
      kind: 'missing',
      message: `${origin} ${path}, which cannot be run: ${answer.why}; install Claude Code again`,
    };
  }
  const version = /\d+\.\d+\.\d+\S*/.exec(answer.stdout)?.[0];
  if (version === undefined || !/claude/i.test(answer.stdout)) {
    const said = JSON.stringify(answer.stdout.trim().slice(0, 80));
    return { kind: 'missing', message: `${origin} ${path}, which is not Claude Code: --version says ${said}` };
  }
  return { kind: 'found', path, version };
}

/** Long flags that `--help` lists, to say before a run which of a step's needs an old version cannot meet. */
export async function claudeFlags(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReadonlySet<string>> {
  const answer = await ask(path, ['--help'], env);
  return new Set(answer.ok ? answer.stdout.match(/--[a-zA-Z][\w-]+/g) : []);
}

async function onPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((each) => each !== '')) {
    const candidate = join(folder, name);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

type Answer = { readonly ok: true; readonly stdout: string } | { readonly ok: false; readonly why: string };

function ask(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Answer> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: ASK_LIMIT_MS, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    const child = execFile(path, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, stdout });
      else resolve({ ok: false, why: (stderr.trim().split('\n').at(-1) ?? '') || error.message });
    });
    child.stdin?.end();
  });
}
