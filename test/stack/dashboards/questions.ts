// How the tests of the dashboards ask a query by the name of its panel, and what they expect: values that are computed from
// the journals of the sample runs. Remembers what was asked, so that no query is left out.
import { linesOf } from '../../../src/core/record.ts';
import { levelOfLine } from '../../../src/text/severity.ts';
import { dashboards, queriesOf, type Values } from '../../grafana/support/dashboards.ts';
import { type Answer, ask } from '../support/ask-panels.ts';
import type { SampleRun, SampleStack } from '../support/sample-runs.ts';

let sample: SampleStack | undefined;

/** Set once, before the first question. */
export function askOf(stack: SampleStack): void {
  sample = stack;
}

export function sampleStack(): SampleStack {
  if (sample === undefined) throw new Error('the stack has not been started');
  return sample;
}

export const ended = (): readonly SampleRun[] => Object.values(sampleStack().runs).flat();
export const review = (): SampleRun => sampleStack().runs.review[0]!;

export const all = dashboards.flatMap(queriesOf).filter(({ language }) => language !== 'traceql');

const wasAsked = new Set<string>();

export function neverAsked(): readonly string[] {
  return all.map(({ name }) => name).filter((name) => !wasAsked.has(name));
}

export async function answerTo(name: string, values: Values = {}): Promise<Answer> {
  const asked = all.find((each) => each.name === name);
  if (asked === undefined) throw new Error(`no query is called ${name}`);
  wasAsked.add(name);
  const of = name.startsWith('stepspan-run') ? { run: review().runId } : { run: '.*' };
  return ask(sampleStack(), asked, { ...of, ...values });
}

/** An instant query's values by their labels, joined. */
export async function valuesOf(name: string, values: Values = {}): Promise<Record<string, number>> {
  const answer = await answerTo(name, values);
  if (answer.kind !== 'instant') throw new Error(`${name} is not an instant query`);
  return Object.fromEntries(answer.rows.map(({ labels, value }) => [keyOf(labels), value]));
}

/** The same of a graph, of the points that `pick` makes one of. */
export async function pointsOf(
  name: string,
  pick: (points: readonly number[]) => number,
): Promise<Record<string, number>> {
  const answer = await answerTo(name);
  if (answer.kind !== 'range') throw new Error(`${name} is not a graph`);
  return Object.fromEntries(
    answer.series.map(({ labels, points }) => [keyOf(labels), pick(points.map(({ value }) => value))]),
  );
}

export async function linesFor(name: string, values: Values = {}) {
  const answer = await answerTo(name, values);
  if (answer.kind !== 'lines') throw new Error(`${name} is not asked for lines`);
  return answer.entries;
}

const keyOf = ({
  __name__: _name,
  instance: _instance,
  job: _job,
  ...labels
}: Readonly<Record<string, string>>): string =>
  Object.keys(labels)
    .sort()
    .map((name) => labels[name])
    .join(' ');
export const last = (points: readonly number[]): number => points.at(-1) ?? Number.NaN;
export const most = (points: readonly number[]): number => Math.max(...points);

/** How often each word occurs. */
export function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

export const outcomeOf = (run: SampleRun) => run.events('run.finished')[0]!.outcome;
export const costOf = (runs: readonly SampleRun[]): number =>
  runs.flatMap((run) => run.events('claude.cost')).reduce((sum, { costUsd }) => sum + costUsd, 0);
/** Year, month (from 0), day and time of day in UTC, as a run id begins with them. */
export function startOf(runId: string): [number, number, number, number, number, number] {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(runId)?.map(Number) ?? [];
  return [year!, month! - 1, day!, hour!, minute!, second!];
}

/** Of what is not counted in whole numbers: `increase` is extrapolated, by some scrapes of a short time here. */
export const about = (value: number) => ({
  asymmetricMatch: (seen: unknown) => typeof seen === 'number' && Math.abs(seen - value) <= value * 0.2,
});

export type Line = {
  readonly run: SampleRun;
  readonly step: string;
  readonly severity: string;
  readonly bytes: number;
};

/** Lines as the Logs dashboard shows them: without raw protocol. */
export function printed(runs: readonly SampleRun[]): Line[] {
  const words = { debug: 'DEBUG', info: 'INFO', warning: 'WARN', error: 'ERROR', fatal: 'FATAL' };
  return runs.flatMap((run) =>
    run.records.flatMap((record) =>
      record.kind !== 'output' || record.stream === 'debug'
        ? []
        : [...linesOf(record)].map(({ bytes }) => ({
            run,
            step: record.subject?.step ?? '',
            severity: words[record.severity ?? levelOfLine(record.stream, bytes)],
            bytes: bytes.length,
          })),
    ),
  );
}

/** Everything but the active run, which prints meanwhile. */
export const endedOnly: Values = { workflow: 'review|deploy|late|stopped|spender|orphan' };
