// What people do to a run from the page: a request, and what came of it for the person.
import type { DoneAnswer } from '../../src/api/schema/answers.ts';
import { postJson } from '../api/http.ts';
import type { Run } from '../model/run.ts';
import { say } from './toasts.tsx';

export type Verb = 'pause' | 'resume' | 'cancel' | 'retry' | 'answer' | 'tell' | 'interrupt';

export async function steer(run: Run, verb: Verb, body: object = {}): Promise<string | undefined> {
  const answer = await postJson<DoneAnswer>(`/runs/${run.runId}/${verb}`, body);
  say(answer.ok ? answer.value.message : `${answer.failure.message} ${answer.failure.fix}`.trim());
  return answer.ok ? answer.value.runId : undefined;
}
