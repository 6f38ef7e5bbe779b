// What the model says in the demo: two conversations, one for each Claude step of workflow.yaml. Only the words and the
// choice of tools are scripted; the real Claude Code CLI carries the tools out, on real files.
import path from 'node:path';
import type { Conversation, Turn } from './messages-api/script.ts';

type Reply = Omit<Extract<Turn, { kind: 'reply' }>, 'kind'>;

/** Pauses that make the demo readable, in ms: before an answer, and between two pieces of it. */
const thinkingMs = 700;
const pieceMs = 25;

/** What Claude Code sends before any prompt of ours, system prompt and tools, is about this many tokens, mostly cached. */
const startTokens = 14_200;

/**
 * @param options.folder the working folder of the steps; tools are called with absolute paths
 * @param options.fast answers at once
 */
export function claudeScript(options: { readonly folder: string; readonly fast: boolean }): readonly Conversation[] {
  const file = path.join(options.folder, 'src', 'split-bill.js');
  const reply = (turn: Reply): Turn => ({
    kind: 'reply',
    ...(options.fast ? {} : { delayMs: thinkingMs, pieceDelayMs: pieceMs }),
    ...turn,
  });
  return [
    {
      prompt: 'The tests of this project fail',
      turns: [
        reply({
          text: 'The shares of 1000 cents between 3 people add up to 999. I look where `splitBill` is used.',
          tools: [
            {
              name: 'Grep',
              input: { pattern: 'splitBill', path: options.folder, output_mode: 'content', glob: 'src/*.js' },
            },
          ],
          usage: { input: 640, output: 96, cacheCreation: startTokens },
        }),
        reply({
          tools: [{ name: 'Read', input: { file_path: file } }],
          usage: { input: 210, output: 58, cacheRead: startTokens, cacheCreation: 480 },
        }),
        reply({
          text:
            'src/split-bill.js:6 rounds the share of everybody, so cents are lost or made.\n' +
            'Round down, and give the cents that are left to the first people.',
          usage: { input: 320, output: 74, cacheRead: startTokens + 480, cacheCreation: 350 },
        }),
      ],
    },
    {
      prompt: 'Fix it now',
      turns: [
        reply({
          text: 'I round down and hand out the cents that are left.',
          tools: [
            {
              name: 'Edit',
              input: {
                file_path: file,
                old_string:
                  '  const share = Math.round(cents / people);\n  return Array.from({ length: people }, () => share);',
                new_string:
                  '  const share = Math.floor(cents / people);\n  const left = cents % people;\n' +
                  '  return Array.from({ length: people }, (_, index) => share + (index < left ? 1 : 0));',
              },
            },
          ],
          usage: { input: 90, output: 212, cacheRead: startTokens + 830, cacheCreation: 410 },
        }),
        reply({
          text: 'Now the tests.',
          tools: [{ name: 'Bash', input: { command: 'node --test', description: 'Run the tests' } }],
          usage: { input: 160, output: 64, cacheRead: startTokens + 1_240, cacheCreation: 230 },
        }),
        reply({
          text: 'splitBill now rounds down and hands out the cents that are left; all 4 tests pass.',
          usage: { input: 410, output: 42, cacheRead: startTokens + 1_470, cacheCreation: 260 },
        }),
      ],
    },
  ];
}
