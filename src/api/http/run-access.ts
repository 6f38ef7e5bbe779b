// From the id in a path to a run: the one gate, so that nothing but a run id becomes part of a file's path.
import type { Request } from 'express';
import { isRunId, type RunId } from '../../core/ids.ts';
import type { JournalReader } from '../../journal/index.ts';
import { ApiProblem } from './problem.ts';
import type { RunMemory } from './run-memory.ts';

export type RunAccess = {
  /** @throws ApiProblem where there is no such run */
  readonly find: (id: string) => Promise<{ readonly runId: RunId; readonly reader: JournalReader }>;
};

export function idOf(request: Request): string {
  const { id } = request.params;
  return typeof id === 'string' ? id : '';
}

export function createRunAccess(memory: RunMemory): RunAccess {
  return {
    async find(id) {
      const missing = new ApiProblem(
        404,
        'no_run',
        'There is no such run.',
        'GET /api/v1/runs lists them, by their full ids.',
      );
      if (!isRunId(id)) throw missing;
      const reader = memory.readerOf(id);
      const { nextSeq } = await reader.head();
      if (nextSeq === 0) throw missing;
      return { runId: id, reader };
    },
  };
}
