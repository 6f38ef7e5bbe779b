// A dashboard as one page of HTML: its panels in their places on the grid, each drawn from the answers to its queries.
import { z } from 'zod';
import type { Dashboard, Panel } from '../../test/grafana/support/dashboards.ts';
import type { Answer } from '../../test/stack/support/ask-panels.ts';
import { barGauge, lineGraph, logView, stateTimeline, statView, tableView } from './panels.ts';
import { html } from './values.ts';

export type Answers = {
  readonly answers: Readonly<Record<string, Answer>>;
  readonly run: string;
  /** From when to when each dashboard is drawn, by its uid; Unix seconds. */
  readonly spans: Readonly<Record<string, { readonly from: number; readonly to: number }>>;
};

const labels = z.record(z.string(), z.string());
/** A number of JSON does not hold nanoseconds exactly; milliseconds are enough for a picture. */
const timeNs = z.number().transform((ms) => BigInt(ms) * 1_000_000n);

const storedAnswers = z.object({
  answers: z.record(
    z.string(),
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('instant'), rows: z.array(z.object({ labels, value: z.number() })) }),
      z.object({
        kind: z.literal('range'),
        series: z.array(z.object({ labels, points: z.array(z.object({ time: z.number(), value: z.number() })) })),
      }),
      z.object({
        kind: z.literal('lines'),
        entries: z.array(z.object({ timeNs, line: z.string(), metadata: labels })),
      }),
    ]),
  ),
  run: z.string(),
  spans: z.record(z.string(), z.object({ from: z.number(), to: z.number() })),
}) satisfies z.ZodType<Answers>;

export function answersFromJson(text: string): Answers {
  return storedAnswers.parse(JSON.parse(text));
}

export function answersToJson(answers: Answers): string {
  return JSON.stringify(answers, (_key, value) => (typeof value === 'bigint' ? Number(value / 1_000_000n) : value));
}

/** Of Grafana's grid: a column of 24, and a unit of height, in pixels. */
const column = 59;
const unit = 31;

export type Drawn = {
  readonly panel: Panel;
  readonly width: number;
  readonly height: number;
  readonly answers: readonly Answer[];
  readonly from: number;
  readonly to: number;
};

/** @param until the title of the first row that is left out */
export function pageOf(dashboard: Dashboard, until: string, all: Answers): string {
  const end = dashboard.panels.find(({ type, title }) => type === 'row' && title === until)?.gridPos.y ?? Infinity;
  const panels = dashboard.panels.filter(({ gridPos }) => gridPos.y < end);
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * unit;
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>
<header><b>${html(dashboard.title)}</b><span>drawn from the real answers to the queries of its panels; Grafana's own look differs</span></header>
<main style="height:${height}px">${panels.map((panel) => boxOf(dashboard, panel, all)).join('')}</main>`;
}

function boxOf(dashboard: Dashboard, panel: Panel, all: Answers): string {
  const { x, y, w, h } = panel.gridPos;
  const place = `left:${x * column}px;top:${y * unit}px;width:${w * column - 8}px;height:${h * unit - 8}px`;
  const title = html(panel.title.replace(/\$\{run\}/, all.run));
  if (panel.type === 'row') return `<h2 style="${place}">${title}</h2>`;
  const answers = (panel.targets ?? []).flatMap(
    ({ refId }) => all.answers[`${dashboard.uid} / ${panel.title} / ${refId}`] ?? [],
  );
  const drawn: Drawn = {
    panel,
    answers,
    width: w * column - 28,
    height: h * unit - 46,
    ...(all.spans[dashboard.uid] ?? { from: 0, to: 1 }),
  };
  return `<section style="${place}"><h3>${title}</h3>${contentOf(drawn)}</section>`;
}

function contentOf(drawn: Drawn): string {
  const empty = drawn.answers.every((answer) => sizeOf(answer) === 0);
  if (empty) return `<p class="empty">${html(drawn.panel.fieldConfig?.defaults.noValue ?? '')}</p>`;
  switch (drawn.panel.type) {
    case 'stat':
      return statView(drawn);
    case 'timeseries':
      return lineGraph(drawn);
    case 'bargauge':
      return barGauge(drawn);
    case 'state-timeline':
      return stateTimeline(drawn);
    case 'table':
      return tableView(drawn);
    case 'logs':
      return logView(drawn);
    default:
      return '';
  }
}

function sizeOf(answer: Answer): number {
  switch (answer.kind) {
    case 'instant':
      return answer.rows.length;
    case 'range':
      return answer.series.length;
    case 'lines':
      return answer.entries.length;
  }
}

const style = `
* { box-sizing: border-box; margin: 0; font-family: system-ui, "DejaVu Sans", sans-serif; }
body { background: #111217; color: #ccccdc; padding: 14px 12px; width: 1440px; }
header { display: flex; gap: 18px; align-items: baseline; padding: 2px 2px 12px; font-size: 19px; }
header span { font-size: 13px; color: #8e8e9c; }
main { position: relative; }
h2 { position: absolute; font-size: 15px; font-weight: 600; padding: 5px 2px; }
section { position: absolute; background: #181b1f; border: 1px solid #2c2e33; border-radius: 3px; padding: 6px 10px; overflow: hidden; }
h3 { font-size: 13px; font-weight: 500; height: 24px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.empty { color: #8e8e9c; font-size: 13px; text-align: center; padding-top: 18px; }
.stat { font-size: 30px; font-weight: 600; text-align: center; padding-top: 8px; }
.legend { font-size: 11px; color: #aaabb8; display: flex; gap: 12px; flex-wrap: wrap; height: 16px; overflow: hidden; }
.legend i { display: inline-block; width: 10px; height: 3px; margin-right: 5px; vertical-align: middle; }
.bar { display: flex; align-items: center; gap: 8px; font-size: 12px; height: 24px; }
.bar span { width: 42%; text-align: right; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.bar div { flex: 1; background: #22252b; height: 15px; } .bar i { display: block; height: 15px; }
.bar b { width: 70px; font-weight: 500; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th { text-align: left; color: #6e9fff; font-weight: 500; } th, td { padding: 3px 8px 3px 0; border-bottom: 1px solid #25272c; white-space: nowrap; }
.log { font: 11.5px/1.55 "DejaVu Sans Mono", monospace; white-space: pre; overflow: hidden; } .log b { color: #8e8e9c; font-weight: 400; }
svg text { fill: #8e8e9c; font-size: 10.5px; }
`;
