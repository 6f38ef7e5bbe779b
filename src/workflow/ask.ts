// The key `ask`: whether Claude Code may ask a person during a step, how long it waits, and what is answered by rules. Of the whole
// workflow, and of one Claude step, whose key replaces it. A shell step has a smaller one, for the lines that its command reads. Called
// by schema.ts, claude-keys.ts and normal-form.ts.
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import { duration, field } from './schema-fields.ts';

const rules = z.array(z.string().min(1));

export const ask = z.union([
  z.literal('never'),
  z.strictObject({
    wait: field(duration('positive'), 'How long each question waits for an answer.', '30m'),
    totalWait: field(duration('positive'), 'How long a step waits for answers in all. Default: 24h.', '4h').optional(),
    onTimeout: field(
      z.enum(['deny', 'fail']),
      'What happens to a question that nobody has answered in time: `deny` (default) and continue, or `fail` the step.',
      'fail',
    ).optional(),
    rules: field(
      z.strictObject({
        allow: field(rules, 'Calls that are allowed without a question.', ['Bash(npm test:*)']).optional(),
        deny: field(rules, 'Calls that are denied without a question.', ['Bash(git push:*)', 'WebFetch']).optional(),
      }),
      'What is answered without a person, as permission rules of Claude Code are written.',
      { allow: ['Bash(npm test:*)'], deny: ['Bash(git push:*)'] },
    ).optional(),
  }),
]);

/** Of a shell step. That of the workflow is not for it: with a person at its stdin a command behaves differently. */
export const askOfCommand = z.union([
  z.literal('never'),
  z.strictObject({
    wait: field(duration('positive'), 'How long the command waits for each line.', '30m'),
    onTimeout: field(
      z.enum(['deny', 'fail']),
      'What happens if nobody has typed a line in time: its input ends (`deny`, default), or the step fails (`fail`).',
      'fail',
    ).optional(),
  }),
]);

export const askDescription =
  'Whether Claude Code asks a person before it uses a tool that needs a permission, and can ask questions: `never` (default), or how long it waits.';

export const askExample = { wait: '30m', rules: { allow: ['Bash(npm test:*)'], deny: ['Bash(git push:*)'] } };

/** `allow` and `deny`: permission rules that Claude Code applies by itself. */
export type Ask =
  | { readonly kind: 'never' }
  | {
      readonly kind: 'wait';
      readonly waitMs: number;
      readonly totalWaitMs: number;
      readonly onTimeout: 'deny' | 'fail';
      readonly allow: readonly string[];
      readonly deny: readonly string[];
    };

export function normalizeAsk(written: z.output<typeof ask> | undefined): Ask {
  if (written === undefined || written === 'never') return { kind: 'never' };
  const { wait, totalWait, onTimeout = 'deny', rules: { allow = [], deny = [] } = {} } = written;
  const totalWaitMs = (totalWait === undefined ? undefined : parseDuration(totalWait)) ?? defaultTotalWaitMs;
  return { kind: 'wait', waitMs: parseDuration(wait) ?? 0, totalWaitMs, onTimeout, allow, deny };
}

/** Over a night and a day, whatever a session asks. */
const defaultTotalWaitMs = 24 * 3_600_000;

/** In a stored step; absent in those of earlier versions. */
export const storedAsk = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('never') }),
    z.object({
      kind: z.literal('wait'),
      waitMs: z.number(),
      totalWaitMs: z.number().default(defaultTotalWaitMs),
      onTimeout: z.enum(['deny', 'fail']),
      allow: rules,
      deny: rules,
    }),
  ])
  .default({ kind: 'never' });
