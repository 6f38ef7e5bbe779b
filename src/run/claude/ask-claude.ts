// Asks the Claude Code CLI a question that needs no API: starts the program, waits for its words, and ends it if it hangs.
import { type ExecFileException, execFile } from 'node:child_process';
import { formatSetDuration } from '../../core/duration.ts';

export type ClaudeAnswer =
  | { readonly ok: true; readonly stdout: string }
  /** `stdout` is what it printed all the same; `why` is for a person. */
  | { readonly ok: false; readonly why: string; readonly stdout: string; readonly stderr: string };

/** An answer that takes longer than this, in ms, does not come. */
const ASK_LIMIT_MS = 10_000;

export function askClaude(
  path: string,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd?: string;
    /** In place of `ASK_LIMIT_MS`. */
    readonly limitMs?: number;
  },
): Promise<ClaudeAnswer> {
  return new Promise((resolve) => {
    const { env, cwd, limitMs = ASK_LIMIT_MS } = options;
    const limits = { timeout: limitMs, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    const child = execFile(path, args, { ...limits, cwd, env: { ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, stdout });
      else resolve({ ok: false, why: whyNoAnswer(error, stderr, limitMs), stdout, stderr });
    });
    child.stdin?.end();
  });
}

function whyNoAnswer({ killed, code, signal, message }: ExecFileException, stderr: string, limitMs: number): string {
  if (killed === true) return `it gave no answer within ${formatSetDuration(limitMs)}`;
  const lastLine = stderr.trim().split('\n').at(-1) ?? '';
  if (lastLine !== '') return lastLine;
  if (typeof code === 'number') return `exit code ${code}`;
  return signal ? `ended by ${signal}` : message;
}
