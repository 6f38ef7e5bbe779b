// The route that returns lines by range: from a number on, or around one. Bounded. Called by index.ts.
import type { Router } from 'express';
import type { RunId } from '../../core/ids.ts';
import type { LineAnswer, OutputAnswer } from '../schema/answers.ts';
import { routes } from '../schema/routes.ts';
import { searchOf, selectorOf } from './line-selector.ts';
import { linesBefore, linesFrom, type Range } from './output-range.ts';
import { addRoute, goneSignal } from './read-request.ts';
import type { RunAccess } from './run-access.ts';
import type { RunMemory } from './run-memory.ts';

export function addOutputRoutes(router: Router, runs: RunAccess, memory: RunMemory): void {
  addRoute(router, routes.output, async (response, { id, query }) => {
    const { runId, reader, problems } = await runs.find(id);
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
    const { lines: found, prevSeq, nextSeq: end } = await read();
    const nextSeq = Math.min(end, headSeq);
    const bounds = { nextSeq, prevSeq, firstSeq, headSeq, finished };
    const lines = query.numbers ? await numbered(runId, found, nextSeq) : { lines: found };
    response.json({ ...lines, ...bounds, problems: problems.sentences() } satisfies OutputAnswer);
  });

  async function numbered(runId: RunId, lines: readonly LineAnswer[], nextSeq: number) {
    const numbers = await memory.lineNumbersOf(runId, [...lines.map(({ seq }) => seq), nextSeq - 1]);
    const last = numbers[lines.length];
    return {
      lines: lines.map((line, index) => withNumber(line, numbers[index])),
      ...(last === undefined ? {} : { nextNumber: last + 1 }),
    };
  }
}

function withNumber(line: LineAnswer, number: number | undefined): LineAnswer {
  return number === undefined || line.stream === 'debug' ? line : { ...line, number };
}
