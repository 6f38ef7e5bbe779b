// The one attempt of a step with `approve`: it asks a person and ends with the answer, without a process. Called by execute.ts.
import type { AnswerSource } from '../../core/claude-event.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { RunId } from '../../core/ids.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Subject } from '../../core/record.ts';
import { cutMarker, type NamedOutputs, noOutput } from '../../core/step-output.ts';
import { oneLine } from '../../runs/index.ts';
import { cutMiddle, sizeOf } from '../../text/cut-middle.ts';
import { readOutputWith } from '../../workflow/environment.ts';
import { resolveReference, type Scope } from '../../workflow/expression/evaluate.ts';
import { referenceIn, renderTemplate } from '../../workflow/template.ts';
import type { ApproveStep } from '../../workflow/workflow.ts';
import { createPausableTimer } from '../process/index.ts';
import type { Attempt, AttemptPorts, AttemptResult } from './attempt.ts';
import type { Answerer } from './questions.ts';
import type { RunScope } from './run-workflow.ts';
import { finishAttempt, refusedAttempt } from './shell-attempt.ts';

export type ApprovalOptions = {
  readonly step: ApproveStep;
  readonly subject: Subject;
  readonly runId: RunId;
  readonly run: RunScope;
  readonly ports: AttemptPorts;
};

/** Of all that is shown with an approval: as much as of what Claude Code asks, so that a card and an event can have it. */
const maxShownBytes = 256 * 1024;

export function startApprovalAttempt(options: ApprovalOptions): Attempt {
  const { step, subject, runId, run, ports } = options;
  const { append } = ports;
  const scope: Scope = { runId, params: run.workflow.paramValues, steps: run.ended };
  const rendered = readShown(step, scope, runId);
  if (!rendered.ok)
    return refusedAttempt(ports, { subject }, { kind: 'error', reason: 'setup', message: rendered.message });
  const { value: shown } = ports.redactor.value(rendered.shown);
  const startedAt = performance.now();
  const { cwd } = run.workflow;
  append.event({ type: 'attempt.started', command: shown.message, cwd, pid: undefined, pidStartTime: '' }, subject);
  const { promise, resolve } = Promise.withResolvers<AttemptResult>();
  let isOver = false;
  const finish = (outcome: Outcome, outputs?: NamedOutputs): void => {
    if (isOver) return;
    isOver = true;
    timer.cancel();
    const durationMs = Math.round(performance.now() - startedAt);
    const facts = { durationMs, pausedMs: durationMs, cpuSeconds: 0, maxRssBytes: 0, lines: {} };
    finishAttempt(ports, { subject }, outcome, facts);
    resolve(resultOf(outcome, outputs));
  };
  const question = run.questions.open({
    subject,
    asked: {
      ...{ kind: 'approval', tool: '', toolUseId: '', suggestions: [] },
      ...{ input: JSON.stringify(shown), isCut: false },
      ...{ untilNs: nsAfter(step.timeoutMs), onTimeout: step.onTimeout },
    },
    accept(answer, who) {
      switch (answer.kind) {
        case 'allow':
          return {
            ...{ ok: true, given: 'allowed', text: '' },
            send: () => finish({ kind: 'success' }, outputsOf('approved', who, '')),
          };
        case 'deny':
          return {
            ...{ ok: true, given: 'denied', text: answer.reason },
            send: () => finish(denied(who, answer.reason), outputsOf('denied', who, answer.reason)),
          };
        case 'allow_always':
        case 'choose':
        case 'text':
        case 'continue':
        case 'end':
          return { ok: false, message: 'it is an approval: allow or deny it' };
      }
    },
  });
  const timer = createPausableTimer(step.timeoutMs, () => {
    if (!question.end('timed_out')) return;
    const message = `nobody approved within ${formatSetDuration(step.timeoutMs)} (\`by\`)`;
    const reason = step.onTimeout === 'fail' ? 'unanswered' : 'denied';
    finish({ kind: 'failure', reason, message }, outputsOf('timed_out', { by: 'stepspan', from: 'stepspan' }, ''));
  });
  return {
    done: promise,
    stop(outcome) {
      question.end('unanswered');
      finish(outcome);
    },
    // It has no process. The time by which an answer is due does not move, as people have seen it.
    killNow: () => undefined,
    freeze: () => undefined,
    thaw: () => undefined,
  };
}

type Shown = { readonly message: string } & Readonly<Record<string, string>>;

/** The message and the values that are shown with it, with their names; or one sentence: which of them has no value. */
function readShown(
  step: ApproveStep,
  scope: Scope,
  runId: RunId,
): { readonly ok: true; readonly shown: Shown } | { readonly ok: false; readonly message: string } {
  const message = renderTemplate(step.message, scope);
  if (!message.ok) return { ok: false, message: `approve.message: ${message.message}` };
  const most = Math.floor(maxShownBytes / (step.show.length + 1));
  const shown: Record<string, string> = { message: bounded(message.text, most, `stepspan show ${runId}`) };
  for (const name of step.show) {
    const path = referenceIn(name) ?? [];
    const value = resolveReference(path, scope);
    if (!value.ok) return { ok: false, message: `approve.show: ${value.message}` };
    const [root, id = ''] = path;
    const readWith = root === 'steps' ? readOutputWith(runId, id) : `stepspan show ${runId}`;
    shown[name.trim()] = bounded(String(value.value), most, readWith);
  }
  return { ok: true, shown: { ...shown, message: shown.message ?? '' } };
}

function bounded(text: string, most: number, readWith: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  return cutMiddle({ head: bytes, tail: bytes, size: sizeOf(bytes) }, most, (leftOut) => cutMarker(leftOut, readWith))
    .text;
}

function denied({ by }: Answerer, reason: string): Outcome {
  const why = reason.trim() === '' ? '' : `: ${oneLine(reason)}`;
  return { kind: 'failure', reason: 'denied', message: `denied by ${by}${why}` };
}

/** What later steps can ask for: `steps.ID.outputs.answer` and so on. Each name is always there. */
function outputsOf(
  answer: 'approved' | 'denied' | 'timed_out',
  { by, from }: { readonly by: string; readonly from: AnswerSource },
  reason: string,
): NamedOutputs {
  return { answer, by, from, reason };
}

function resultOf(outcome: Outcome, outputs: NamedOutputs | undefined): AttemptResult {
  return {
    ...{ outcome, ...noOutput, outputs, costUsd: 0, costUnknown: false, session: undefined },
    ...{ isSessionLost: false, limit: undefined, ranMs: 0, retryAsked: false },
  };
}

function nsAfter(ms: number): string {
  return (BigInt(Date.now() + ms) * 1_000_000n).toString();
}
