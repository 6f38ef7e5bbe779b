// How Claude Code's messages read for people: in a terminal, on the live page and as log lines in Loki. Pure; every function
// returns one or more full lines without a last line end. Colours only if `paint` has them. Called by stream-json.ts.

import type { ModelUsage } from '../../core/claude-event.ts';
import { formatCost } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { cut } from '../../core/json.ts';
import { firstLine, mainArgument } from '../../core/tool-call.ts';
import { formatCount, plural } from '../../core/units.ts';
import { seenText } from '../../text/seen.ts';
import { basisOf, type CostSoFar } from './cost.ts';
import type { ClaudeResult } from './result.ts';

/** Lines of a tool's result that are shown; the rest is counted. Claude Code's own terminal shows about as many. */
const PREVIEW_LINES = 4;
/** Of one shown line of a result. Longer ones are mostly minified code or data. */
const PREVIEW_CHARACTERS = 240;
/** Of a tool call's argument: a long shell command still shows what it is about. */
const ARGUMENT_CHARACTERS = 160;

export type Paint = {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
};

/** @param colour false for text without any escape sequence */
export function paintFor(colour: boolean): Paint {
  // Each line gets its own codes, because a log line or a line of a filtered view is shown by itself.
  const sgr = (on: number, off: number) => (text: string) =>
    colour ? text.replace(/[^\n]+/g, (line) => `\x1b[${on}m${line}\x1b[${off}m`) : text;
  return { bold: sgr(1, 22), dim: sgr(2, 22), red: sgr(31, 39), green: sgr(32, 39), yellow: sgr(33, 39) };
}

/** Text of others as it was seen, without terminal escapes and control characters; tabs and line ends stay. */
export function plain(text: string): string {
  return seenText(text);
}

/** `● Bash(npm test)` */
export function toolCallLine(tool: string, input: unknown, cwd: string | undefined, paint: Paint): string {
  const argument = importantArgument(input, cwd);
  return `● ${paint.bold(plain(tool))}${argument === '' ? '' : `(${argument})`}`;
}

/** The first lines of a result under the call, and how many more there are. */
export function toolResultLines(text: string, isError: boolean, paint: Paint): string {
  const lines = plain(text).replace(/\s+$/, '').split('\n');
  const shown = lines.slice(0, PREVIEW_LINES).map((line) => cut(line, PREVIEW_CHARACTERS));
  const rest = lines.length - shown.length;
  if (rest > 0) shown.push(`… ${plural(rest, 'more line')}`);
  if (shown.length === 1 && shown[0] === '') shown[0] = '(no output)';
  const body = shown.map((line, index) => `${index === 0 ? '  ⎿ ' : '    '}${line}`).join('\n');
  return isError ? paint.red(body) : paint.dim(body);
}

/** Marks what a subagent did, so that it is not taken for the main agent's. */
export function indented(text: string): string {
  return text.replace(/^/gm, '│ ');
}

/** `✔ Done in 12.3 s: 3 turns, $0.0320, 4,800 tokens in, 320 out` */
export function summaryLine(result: ClaudeResult, cost: CostSoFar, paint: Paint): string {
  const { models } = cost;
  const sum = (pick: (use: ModelUsage) => number): number => models.reduce((total, use) => total + pick(use), 0);
  const tokensIn = sum((use) => use.inputTokens + use.cacheReadTokens + use.cacheCreationTokens);
  const tokensOut = sum((use) => use.outputTokens);
  const basis = basisOf(cost);
  // Nothing was used if the API refused the first request; amounts of 0 would read as if something had been paid.
  const isFree = tokensIn + tokensOut === 0 && cost.costUsd === 0 && basis !== 'unknown';
  const amounts = [
    formatCost(cost.costUsd, basis),
    `${formatCount(tokensIn)} tokens in, ${formatCount(tokensOut)} out`,
  ];
  const facts = [plural(result.turns, 'turn'), ...(isFree ? [] : amounts)].join(', ');
  const time = formatDuration(result.durationMs);
  return result.isError
    ? paint.red(`✘ Ended with an error after ${time}: ${facts}`)
    : paint.green(`✔ Done in ${time}: ${facts}`);
}

/** What a tool call is about, for a list of calls: `npm test`. */
export function oneLineArgument(input: unknown): string {
  return importantArgument(input, undefined);
}

/** The first lines of a thought. It is shown less brightly than what the model says to people. */
export function thoughtLines(text: string, paint: Paint): string {
  const lines = plain(text).trim().split('\n');
  const shown = lines.slice(0, PREVIEW_LINES).map((line) => cut(line, PREVIEW_CHARACTERS));
  const rest = lines.length - shown.length;
  if (rest > 0) shown.push(`… ${plural(rest, 'more line')}`);
  return paint.dim(shown.map((line, index) => `${index === 0 ? '✻ ' : '  '}${line}`).join('\n'));
}

function importantArgument(input: unknown, cwd: string | undefined): string {
  return cut(firstLine(withoutFolder(plain(mainArgument(input)), cwd)), ARGUMENT_CHARACTERS);
}

/** Paths below the working folder are shown from there, which is how people name them. */
function withoutFolder(text: string, cwd: string | undefined): string {
  return cwd !== undefined && cwd !== '/' && text.startsWith(`${cwd}/`) ? text.slice(cwd.length + 1) : text;
}
