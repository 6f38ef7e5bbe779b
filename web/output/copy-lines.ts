// Copies lines of the output as text: those that are marked, or all that the filter shows.
import type { OutputAnswer } from '../../src/api/schema/answers.ts';
import { formatCount, plural } from '../../src/core/units.ts';
import { getJson } from '../api/http.ts';
import { lineOf } from '../api/views.ts';
import type { Run } from '../model/run.ts';
import { parseLine, plainText } from './ansi-line.ts';
import { filterQuery, joinLines, type OutputFilter, type OutputLine } from './line.ts';

/** Numbers of the first and of the last line. */
export type LineRange = { readonly from: number; readonly to: number };

/** The most that the server returns in one answer. */
const linesAtOnce = 5_000;

/** What a clipboard takes without a delay that a person notices, some MB. The download has all lines. */
const maxLines = 50_000;

/** @returns a sentence for the person */
export async function copyLines(run: Run, filter: OutputFilter, range: LineRange | undefined): Promise<string> {
  const lines: OutputLine[] = [];
  let isCut = false;
  const text = readLines(run, filter, range).then((read) => {
    lines.push(...read.lines);
    ({ isCut } = read);
    return new Blob([lines.map(lineText).join('')], { type: 'text/plain' });
  });
  try {
    // A promise, as a browser lets a page copy for a moment after the key or click only.
    await navigator.clipboard.write([new ClipboardItem({ 'text/plain': text })]);
  } catch {
    return 'The browser does not let this page copy.';
  }
  if (isCut) return `The first ${formatCount(lines.length)} lines are copied; download the output to have all.`;
  return lines.length === 1 ? '1 line is copied.' : `${plural(lines.length, 'line')} are copied.`;
}

async function readLines(run: Run, filter: OutputFilter, range: LineRange = { from: run.firstSeq, to: run.nextSeq }) {
  const all: OutputLine[] = [];
  let from = range.from;
  while (from <= range.to && all.length < maxLines) {
    const query = new URLSearchParams(filterQuery(filter));
    query.set('from', String(from));
    query.set('limit', String(linesAtOnce));
    const answer = await getJson<OutputAnswer>(`/runs/${run.runId}/output?${query}`);
    if (!answer.ok || answer.value.nextSeq <= from) break;
    all.push(...answer.value.lines.map(lineOf).filter((line) => line.seq <= range.to));
    from = answer.value.nextSeq;
    if (from >= answer.value.headSeq) break;
  }
  return { lines: joinLines([], all).slice(0, maxLines), isCut: all.length >= maxLines };
}

function lineText(line: OutputLine): string {
  return `${plainText(parseLine(line.text).runs)}\n`;
}
