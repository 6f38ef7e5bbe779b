// Pauses, resumes and cancels a run of the data folder, wherever it runs, and returns the result, also if it has ended or its
// stepspan was killed. A run whose stepspan was killed is closed. Shared by the command line and the HTTP API.
import { askRun, type ControlRequest } from '../control/index.ts';
import type { RunFolder } from '../journal/index.ts';
import { adoptRun, needsAdoption } from './adopt-run.ts';

export type Steered =
  | { readonly kind: 'done'; readonly message: string }
  /** The run does not do it; one sentence that says why. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Its stepspan had been killed; the run was marked as abandoned, which is all that was left to do. */
  | { readonly kind: 'adopted'; readonly message: string }
  | { readonly kind: 'ended'; readonly message: string }
  /** It runs, and cannot be reached from here. */
  | { readonly kind: 'unreachable'; readonly message: string };

type Verb = Exclude<ControlRequest, { verb: 'ping' }>;

export async function steerRun(folder: RunFolder, request: Verb): Promise<Steered> {
  const { runId } = folder;
  const reply = await askRun(folder, request);
  if (reply.ok === true) return { kind: 'done', message: `Run ${runId}: ${reply.message ?? sentenceOf(request)}.` };
  if (reply.ok === false) return { kind: 'refused', message: `Run ${runId}: ${reply.message}.` };
  const not = await needsAdoption(folder);
  switch (not?.kind) {
    case 'finished':
      return { kind: 'ended', message: `Run ${runId} has ended; there is nothing left to ${wordOf(request)}.` };
    case 'no_journal':
      return { kind: 'ended', message: `Run ${runId} has no journal; it has not begun or was removed.` };
    case 'unreadable':
      return { kind: 'unreachable', message: `Run ${runId}: ${not.message}` };
    case 'running': {
      const by = not.by === undefined ? '' : ` (process ${not.by.pid} on ${not.by.host})`;
      const message = `Run ${runId} is active${by} and cannot be reached: ${reply.message}. Send that process SIGINT to end it.`;
      return { kind: 'unreachable', message };
    }
    case undefined:
      return await closeDead(folder, request);
  }
}

/** Only a cancel ends what remains of a run; a request to pause it does not mean that. */
async function closeDead(folder: RunFolder, request: Verb): Promise<Steered> {
  const { runId } = folder;
  if (request.verb !== 'cancel') {
    const message = `The stepspan that ran ${runId} was killed. \`stepspan cancel ${runId}\` ends its remaining processes and closes the run; \`stepspan resume ${runId}\` then continues it in a new run.`;
    return { kind: 'unreachable', message };
  }
  const adoption = await adoptRun(folder, 'a request to cancel it');
  if (adoption.kind !== 'adopted') {
    return {
      kind: 'ended',
      message: `The stepspan that ran ${runId} was killed, and another process is closing the run.`,
    };
  }
  const { processes, survivors } = adoption;
  const left = processes === 0 ? 'none of its processes was still running' : `${processes} of its processes were ended`;
  const immortal = survivors.length === 0 ? '' : `, and these could not be ended: ${survivors.join(', ')}`;
  const message = `The stepspan that ran ${runId} had been killed: ${left}${immortal}. The run is marked as abandoned.`;
  return { kind: 'adopted', message };
}

function wordOf(request: Verb): string {
  if (request.verb === 'tell') return 'send a message to';
  return request.verb === 'resume' ? 'continue' : request.verb;
}

function sentenceOf(request: Verb): string {
  switch (request.verb) {
    case 'pause':
      return request.now
        ? 'paused, its processes are frozen'
        : 'paused, nothing new starts; Claude steps with `ask` stop at the next boundary of their turn, other running steps continue to their end';
    case 'resume':
      return 'continues';
    case 'answer':
      return 'answered';
    case 'tell':
      return 'the message is sent';
    case 'interrupt':
      return 'the turn is interrupted';
    case 'cancel':
      return request.now ? 'ending now' : 'ending; its steps get time to stop';
  }
}
