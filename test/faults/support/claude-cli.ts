// Claude Code in a sandbox of the matrix: the real CLI, or the fake one, against a scripted Messages API, with a copy of all
// that it prints; and how many tokens the API counted. Used by the faults with Claude Code.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { claudeTestEnvironment } from '../../../demo/messages-api/environment.ts';
import type { MessagesRequest, Position, Turn } from '../../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../../demo/messages-api/server.ts';
import type { Sandbox } from './sandbox.ts';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const recorder = file('../fixtures/recorded-claude.sh');
const programs = {
  real: file('../../../node_modules/.bin/claude'),
  fake: file('../../fixtures/fake-claude.mjs'),
} as const;

/** What each reply uses, so that the sum follows from the number of replies. */
export const replyUsage = { input: 1_200, output: 80, cacheRead: 300, cacheCreation: 20 } as const;
export const replyTokens = Object.values(replyUsage).reduce((sum, tokens) => sum + tokens, 0);

export type ClaudeCli = {
  /** For `stepspan run`. */
  readonly env: Readonly<Record<string, string>>;
  readonly api: MessagesApi;
  /** Where the copy of what it printed is. */
  readonly copyOf: (stream: 'stdout' | 'stderr') => string;
  /** Whole replies that the API was asked for. */
  readonly replies: () => number;
  readonly close: () => Promise<void>;
};

/**
 * @param answer what the API says to the newest prompt, by how many answers that has had and how many requests there were before
 * @param onRequest is given the body of each request
 */
export async function startClaudeCli(
  sandbox: Sandbox,
  which: keyof typeof programs,
  answer: (position: Position, request: number) => Turn,
  onRequest: (request: MessagesRequest) => void = () => undefined,
): Promise<ClaudeCli> {
  let [requests, replies] = [0, 0];
  const script = (body: MessagesRequest, position: Position): Turn => {
    onRequest(body);
    const turn = answer(position, requests++);
    if (turn.kind !== 'reply') return turn;
    replies++;
    return { usage: replyUsage, ...turn };
  };
  const api = await startMessagesApi({ script });
  const copy = path.join(sandbox.folder, 'claude');
  return {
    api,
    env: {
      ...claudeTestEnvironment({ apiUrl: api.url, home: path.join(sandbox.folder, 'home') }),
      PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      STEPSPAN_CLAUDE: recorder,
      CLAUDE_PROGRAM: programs[which],
      CLAUDE_COPY: copy,
    },
    copyOf: (stream) => `${copy}.${stream}`,
    replies: () => replies,
    close: api.close,
  };
}

/** A turn that runs a command with Claude Code's Bash tool. There `$PPID` is Claude Code itself. */
export function bash(command: string, text?: string): Turn {
  return {
    kind: 'reply',
    tools: [{ name: 'Bash', input: { command, description: 'as the test says' } }],
    ...(text === undefined ? {} : { text }),
  };
}
