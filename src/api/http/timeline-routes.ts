// The routes of a timeline: its spans, or what of them has changed, and the details of one, read from the journal. Called by index.ts.
import type { Router } from 'express';
import type { Event } from '../../core/event.ts';
import { itemsIn } from '../../otlp/request.ts';
import { attributesOf, idAt, type PlainValue } from '../../otlp/values.ts';
import type { TimelineSpan } from '../../runs/index.ts';
import type { SpanDetailsAnswer, TimelineAnswer } from '../schema/answers.ts';
import { routes } from '../schema/routes.ts';
import { eventAt } from './event-at.ts';
import { ApiProblem } from './problem.ts';
import { addRoute } from './read-request.ts';
import type { FoundRun, RunAccess } from './run-access.ts';
import type { RunMemory } from './run-memory.ts';

/** An attribute is a line in a pane; a prompt or a result in one is longer. */
const maxAttributeChars = 4_000;

export function addTimelineRoutes(router: Router, runs: RunAccess, memory: RunMemory): void {
  addRoute(router, routes.timeline, async (response, { id, query: { from = 0 } }) => {
    const { runId } = await runs.find(id);
    const { timeline, nextSeq } = await memory.historyOf(runId);
    const { spans, removed } = timeline.changes(from);
    const answer: TimelineAnswer = { spans: spans.map(spanOf), removed, dropped: timeline.dropped(), nextSeq };
    response.json(answer);
  });

  addRoute(router, routes.span, async (response, { id, query }) => {
    const run = await runs.find(id);
    const { timeline } = await memory.historyOf(run.runId);
    const span = timeline.spans().find((each) => each.id === query.span);
    if (span === undefined)
      throw new ApiProblem(404, 'no_span', 'There is no such span.', 'GET /api/v1/runs/:id/timeline lists them.');
    response.json(await detailsOf(span, run));
  });
}

function spanOf(span: TimelineSpan): TimelineAnswer['spans'][number] {
  const { id, kind, name, detail, count } = span;
  return {
    ...{ id, parentId: span.parentId ?? null, kind, name, detail, count },
    step: span.step ?? null,
    attempt: span.attempt ?? null,
    startNs: span.startNs.toString(),
    endNs: span.endNs?.toString() ?? null,
    outcome: span.result ?? null,
    seq: span.seq ?? null,
    spanId: span.telemetry?.id ?? null,
    usage: span.usage ?? null,
  };
}

async function detailsOf(span: TimelineSpan, run: FoundRun): Promise<SpanDetailsAnswer> {
  const began = await foundAt(run, span.seq);
  const ended = await foundAt(run, span.endSeq);
  const sent = await foundAt(run, span.telemetry?.seq);
  const said = began?.type === 'claude.message' ? began.text : '';
  return {
    id: span.id,
    input: began?.type === 'claude.tool_called' ? began.input : '',
    output: ended?.type === 'claude.tool_returned' ? ended.text : said,
    outputBytes: ended?.type === 'claude.tool_returned' ? ended.bytes : Buffer.byteLength(said),
    attributes: sent?.type === 'claude.telemetry' ? attributesIn(sent.request, span.telemetry?.id) : {},
  };
}

async function foundAt({ reader, problems }: FoundRun, seq: number | undefined): Promise<Event | undefined> {
  return seq === undefined ? undefined : eventAt(reader, seq, { onProblem: problems.note });
}

function attributesIn(request: unknown, spanId: string | undefined): Readonly<Record<string, string>> {
  for (const span of itemsIn(request, 'traces')) {
    if (idAt(span, 'spanId') !== spanId) continue;
    return Object.fromEntries(Object.entries(attributesOf(span)).map(([key, value]) => [key, textOf(value)]));
  }
  return {};
}

function textOf(value: PlainValue): string {
  const text =
    typeof value === 'string' ? value : Buffer.isBuffer(value) ? `${value.length} bytes` : JSON.stringify(value);
  return (text ?? '').length > maxAttributeChars ? `${text.slice(0, maxAttributeChars).toWellFormed()}…` : (text ?? '');
}
