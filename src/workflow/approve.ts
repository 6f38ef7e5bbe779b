// The key `approve`: a step that waits for a person, without a process. How it is written, its normal form and its stored form.
// Called by schema.ts and normal-form.ts.
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import { defaultApprovalMs } from './defaults.ts';
import { duration, field, filled } from './schema-fields.ts';

export const approve = z.strictObject({
  message: field(filled, 'What is to be approved. May hold `{{ }}`.', 'Deploy {{ params.version }} to production?'),
  show: field(
    z.union([filled, z.array(filled)]),
    'Values that a person is shown with it, as `steps.ID.output` or `params.NAME`, without braces.',
    ['steps.plan.output'],
  ).optional(),
  by: field(duration('positive'), 'How long it waits for an answer. Default: 24h.', '2h').optional(),
  onTimeout: field(
    z.enum(['fail', 'deny']),
    'What happens if nobody has answered by then: the step fails with the reason `unanswered` (`fail`, default), or as if a person had denied it (`deny`).',
    'deny',
  ).optional(),
});

export type WrittenApprove = z.output<typeof approve>;

/** What a step with `approve` has besides the keys of every step. How long it waits is its `timeoutMs`. */
export const storedApprove = z.object({
  kind: z.literal('approve'),
  message: z.string(),
  /** References such as `steps.plan.output`. */
  show: z.array(z.string()),
  onTimeout: z.enum(['deny', 'fail']),
});

export function normalizeApprove(written: string | WrittenApprove) {
  const { message, show, by, onTimeout }: WrittenApprove = typeof written === 'string' ? { message: written } : written;
  return {
    kind: 'approve',
    message,
    show: typeof show === 'string' ? [show] : (show ?? []),
    onTimeout: onTimeout ?? 'fail',
    timeoutMs: parseDuration(by ?? '') ?? defaultApprovalMs,
    // It has nothing to write, and nothing that another attempt would change.
    readOnly: true,
  } as const;
}
