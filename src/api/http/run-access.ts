// From the id in a path to a run: the one gate, so that nothing but a run id becomes part of a file's path.
import { isRunId, type RunId } from '../../core/ids.ts';
import type { JournalReader, ProblemLog } from '../../journal/index.ts';
import type { Catalogue } from '../../runs/index.ts';
import { ApiProblem } from './problem.ts';

export type RunAccess = {
  /** @throws ApiProblem if there is no such run */
  readonly find: (id: string) => Promise<FoundRun>;
};

export type FoundRun = {
  readonly runId: RunId;
  readonly reader: JournalReader;
  /** A caller that reads it notes here what is wrong, and the run shows it. */
  readonly problems: ProblemLog;
};

export function createRunAccess(catalogue: Catalogue): RunAccess {
  return {
    async find(id) {
      const fix = 'GET /api/v1/runs lists them, by their full ids.';
      const missing = new ApiProblem(404, 'no_run', 'There is no such run.', fix);
      if (!isRunId(id)) throw missing;
      const reader = catalogue.readerOf(id);
      const { nextSeq } = await reader.head();
      if (nextSeq === 0) throw missing;
      return { runId: id, reader, problems: catalogue.problemsOf(id) };
    },
  };
}
