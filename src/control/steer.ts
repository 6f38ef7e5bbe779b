// From a request to what it does to the run of this process, and to words for when it does nothing.
import type { Answer } from '../core/answer.ts';
import { unreachable } from '../core/unreachable.ts';
import type { ControlAnswer, ControlRequest, Via } from './protocol.ts';

type Who = { readonly by: string; readonly from: Via };

/** What of a run can be steered. */
export type Steerable = {
  readonly phase: () => { readonly kind: 'running' | 'paused' | 'ending' | 'finished' };
  readonly pause: (by: string, now: boolean) => boolean;
  readonly resume: (by: string) => boolean;
  /** A second call cuts grace periods short. */
  readonly cancel: (by: string) => void;
  readonly answer: (questionId: string, answer: Answer, who: Who) => ControlAnswer;
  /** Sends a message to Claude Code in a step that runs. */
  readonly message: (step: string, text: string, who: Who) => ControlAnswer;
  /** Ends the turn of Claude Code in a step that runs. */
  readonly interrupt: (step: string, who: Who) => ControlAnswer;
};

export function steer(run: Steerable, request: ControlRequest): ControlAnswer {
  const { kind } = run.phase();
  switch (request.verb) {
    case 'ping':
      return { ok: true };
    case 'answer':
      if (kind === 'finished') return no('the run has ended');
      return run.answer(request.questionId, request.answer, { by: request.by, from: request.from });
    case 'tell':
      if (kind === 'finished') return no('the run has ended');
      return run.message(request.step, request.text, { by: request.by, from: request.from });
    case 'interrupt':
      if (kind === 'finished') return no('the run has ended');
      return run.interrupt(request.step, { by: request.by, from: request.from });
    case 'pause':
      return run.pause(request.by, request.now) ? { ok: true } : no(cannotPause[kind]);
    case 'resume':
      return run.resume(request.by) ? { ok: true } : no(cannotResume[kind]);
    case 'cancel':
      if (kind === 'finished') return no('the run has ended');
      if (kind === 'ending' && !request.now) return no('the run is ending already; cancel it `now` to wait no longer');
      run.cancel(request.by);
      if (request.now && kind !== 'ending') run.cancel(request.by);
      return { ok: true };
    default:
      return unreachable(request);
  }
}

const cannotPause = {
  running: 'the run cannot be paused just now',
  paused: 'the run is paused already',
  ending: 'the run is ending',
  finished: 'the run has ended',
} as const;

const cannotResume = {
  ...cannotPause,
  running: 'the run is not paused',
  paused: 'the run cannot be resumed just now',
} as const;

function no(message: string): ControlAnswer {
  return { ok: false, message };
}
