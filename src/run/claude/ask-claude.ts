// Asks the Claude Code CLI a question that needs no API: starts the program, waits for its words, and ends it if it hangs.
import { execFile } from 'node:child_process';

export type ClaudeAnswer =
  | { readonly ok: true; readonly stdout: string }
  /** `stdout` is what it printed all the same; `why` is for a person. */
  | { readonly ok: false; readonly why: string; readonly stdout: string; readonly stderr: string };

/** An answer that takes longer than this, in ms, does not come. */
const ASK_LIMIT_MS = 10_000;

export function askClaude(
  path: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd?: string },
): Promise<ClaudeAnswer> {
  return new Promise((resolve) => {
    const { env, cwd } = options;
    const limits = { timeout: ASK_LIMIT_MS, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    const child = execFile(path, args, { ...limits, cwd, env: { ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, stdout });
      else resolve({ ok: false, why: (stderr.trim().split('\n').at(-1) ?? '') || error.message, stdout, stderr });
    });
    child.stdin?.end();
  });
}
