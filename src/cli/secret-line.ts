// Reads a line that nobody may see: typed without echo at a terminal, or the first line of what is piped in. Called by `answer --secret`.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { CliContext } from './context.ts';

/** @returns undefined if the input ends before a line */
export async function readSecretLine({ stdin, stderr }: CliContext, prompt: string): Promise<string | undefined> {
  if (stdin === undefined) return undefined;
  const input = stdin();
  const isTerminal = input.isTTY === true;
  if (isTerminal) stderr.write(prompt);
  // With an output that swallows the echo, the line is edited as usual and shown nowhere.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output, terminal: isTerminal });
  try {
    return await new Promise<string | undefined>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(undefined));
    });
  } finally {
    lines.close();
    input.pause();
    if (isTerminal) stderr.write('\n');
  }
}
