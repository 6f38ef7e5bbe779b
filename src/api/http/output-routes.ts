// The route that returns lines by range: from a number on, or around one. Bounded. Called by index.ts.
import type { Router } from 'express';
import type { OutputAnswer } from '../schema/answers.ts';
import { routes } from '../schema/routes.ts';
import { searchOf, selectorOf } from './line-selector.ts';
import { linesBefore, linesFrom, type Range } from './output-range.ts';
import { addRoute, goneSignal } from './read-request.ts';
import type { RunAccess } from './run-access.ts';

export function addOutputRoutes(router: Router, runs: RunAccess): void {
  addRoute(router, routes.output, async (response, { id, query }) => {
    const { reader, problems } = await runs.find(id);
    const { firstSeq, nextSeq: headSeq, finished } = await reader.head();
    const selector = selectorOf(query, searchOf(query.search, false));
    const common = { selector, signal: goneSignal(response), firstSeq, headSeq, onProblem: problems.note };
    const read = async (): Promise<Range> => {
      const { anchor } = query;
      if (anchor === undefined) return linesFrom(reader, query.from ?? firstSeq, { ...common, limit: query.limit });
      const before = await linesBefore(reader, anchor, { ...common, limit: query.before });
      const after = await linesFrom(reader, anchor, { ...common, limit: query.after });
      return { lines: [...before.lines, ...after.lines], prevSeq: before.prevSeq, nextSeq: after.nextSeq };
    };
    const { lines, prevSeq, nextSeq } = await read();
    const bounds = { nextSeq: Math.min(nextSeq, headSeq), prevSeq, firstSeq, headSeq, finished };
    response.json({ lines, ...bounds, problems: problems.sentences() } satisfies OutputAnswer);
  });
}
