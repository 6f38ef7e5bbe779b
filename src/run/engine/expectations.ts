// What `expect` of a step asks for, checked when an attempt has succeeded by itself: files, output, denials and a command.
// An attempt calls `prepare` before its child starts and `check` after it has ended.

import vm from 'node:vm';
import { formatSetDuration } from '../../core/duration.ts';
import { errorCode, toError } from '../../core/errors.ts';
import type { Expectation } from '../../core/event.ts';
import type { Outcome } from '../../core/outcome.ts';
import { type Stream, streams } from '../../core/record.ts';
import { readJsonOutput, type StepOutput } from '../../core/step-output.ts';
import { readGlob } from '../../workflow/glob.ts';
import { compileSchema } from '../../workflow/json-schema-check.ts';
import type { Expectations, Step } from '../../workflow/workflow.ts';
import type { Attempt, AttemptPorts } from './attempt.ts';
import { type ChangedFiles, type CompareFiles, watchFiles } from './changed-files.ts';
import { type CheckCommand, startCheckCommand } from './check-command.ts';
import { createOutputSink } from './output-sink.ts';
import type { StepSetting } from './step-context.ts';

export type ExpectationCheck = {
  /** Records how the files are. To be awaited before the child starts. */
  readonly prepare: () => Promise<void>;
  /**
   * The outcome of the attempt: that of its child, unless that is a success and something expected is missing.
   * @param found the output of the attempt, and the tool calls that Claude Code was denied
   */
  readonly check: (outcome: Outcome, found: Found) => Promise<Outcome>;
  /** Lines that the expected command printed, by stream. */
  readonly lines: () => Readonly<Partial<Record<Stream, number>>>;
  /** The controls of the attempt: they reach its child, and the expected command after it. */
  readonly controlsOf: (child: Controls) => Controls;
};

type Controls = Pick<Attempt, 'stop' | 'killNow' | 'freeze' | 'thaw'>;

type Found = { readonly output: StepOutput; readonly denials: readonly string[] };

type Unmet = { readonly expectation: Expectation; readonly expected: string; readonly actual: string };

/** Names of files, or of denied calls, that one message lists. */
const namedItems = 5;

/** Longest time of one regular expression: one that backtracks endlessly must not hold the whole run. */
const patternTimeoutMs = 2_000;

export function createExpectationCheck(step: Step, setting: StepSetting, ports: AttemptPorts): ExpectationCheck {
  const { append, log, redactor } = ports;
  const { subject } = setting;
  const { expect } = step;
  const sink = createOutputSink({ append, subject, redactStream: redactor.stream });
  let compare: CompareFiles | undefined;
  let command: CheckCommand | undefined;
  let stopped: Outcome | undefined;
  let isFrozen = false;
  /** Before that, the end of the attempt is the end of its child, whose outcome says so. */
  let isChecking = false;

  async function runCommand(wanted: NonNullable<Expectations['command']>): Promise<readonly Unmet[]> {
    log('info', `checking what is expected: ${wanted.script}`, subject);
    command = startCheckCommand(wanted, setting, { append, log, subject, onOutput: sink.write });
    if (isFrozen) command.freeze();
    const problem = await command.done;
    sink.end();
    if (problem === undefined) return [];
    return [{ expectation: 'command', expected: `\`${wanted.script.trim()}\` to pass`, actual: problem }];
  }

  async function findUnmet(wanted: Expectations, found: Found): Promise<readonly Unmet[]> {
    const changed = compare === undefined ? undefined : await compare();
    const unmet = [
      ...(wanted.noDenials ? unmetDenials(found.denials) : []),
      ...(changed === undefined ? [] : unmetFiles(wanted, changed)),
      ...(wanted.output === undefined ? [] : unmetPattern(wanted.output, found.output)),
      ...(wanted.schema === undefined ? [] : unmetSchema(wanted.schema, found.output)),
    ];
    if (wanted.command === undefined || stopped !== undefined) return unmet;
    return [...unmet, ...(await runCommand(wanted.command))];
  }

  return {
    async prepare() {
      if (expect === undefined || expect.changed.length + expect.unchanged.length === 0) return;
      const globs = [...expect.changed, ...expect.unchanged].filter((glob) => !glob.startsWith('!')).map(globOf);
      compare = await watchFiles({
        folder: setting.cwd,
        bases: globs.map(({ base }) => base),
        matches: (file) => globs.some(({ pattern }) => pattern.test(file)),
      });
    },
    async check(outcome, found) {
      if (expect === undefined || outcome.kind !== 'success') return outcome;
      isChecking = true;
      const unmet = await findUnmet(expect, found);
      if (stopped !== undefined) return stopped;
      for (const each of unmet) append.event({ type: 'step.expectation_unmet', ...each }, subject);
      if (unmet.length === 0) return outcome;
      const message = unmet.map((each) => `expected ${each.expected}; ${each.actual}`).join(' | ');
      return { kind: 'failure', reason: 'unmet_expectation', message };
    },
    lines: sink.lines,
    controlsOf: (child) => ({
      stop(outcome, why) {
        child.stop(outcome, why);
        if (isChecking) stopped ??= outcome;
        command?.stop();
      },
      killNow() {
        child.killNow();
        command?.killNow();
      },
      freeze() {
        child.freeze();
        isFrozen = true;
        command?.freeze();
      },
      thaw() {
        child.thaw();
        isFrozen = false;
        command?.thaw();
      },
    }),
  };
}

function globOf(text: string) {
  const read = readGlob(text);
  if (!read.ok) throw new Error(`the glob ${text} ${read.message}`);
  return read.glob;
}

function unmetFiles({ changed, unchanged }: Expectations, found: ChangedFiles): readonly Unmet[] {
  const unmet: Unmet[] = [];
  const isUnknown = found.kind === 'unknown';
  const unknown = isUnknown ? `it is unknown what changed: ${found.why}` : undefined;
  const [wanted, kept] = [selectionOf(changed), selectionOf(unchanged)];
  for (const { text, matches } of wanted) {
    if (found.files.some(matches)) continue;
    const others = found.files.filter((file) => wanted.some((each) => each.matches(file)));
    const what = others.length === 0 ? 'no such file changed' : `${listed(others)} changed, but no such file`;
    unmet.push({ expectation: 'changed', expected: `${text} to change`, actual: unknown ?? what });
  }
  const touched = found.files.filter((file) => kept.some(({ matches }) => matches(file)));
  if (touched.length > 0 || (isUnknown && kept.length > 0)) {
    const expected = `${kept.map(({ text }) => text).join(', ')} not to change`;
    unmet.push({
      expectation: 'unchanged',
      expected,
      actual: touched.length > 0 ? `${listed(touched)} changed` : (unknown ?? ''),
    });
  }
  return unmet;
}

/** Each glob with the files that it selects: those that a `!` glob of the same list excludes are not among them. */
function selectionOf(globs: readonly string[]) {
  const not = globs.filter((glob) => glob.startsWith('!')).map((glob) => globOf(glob.slice(1)).pattern);
  return globs
    .filter((glob) => !glob.startsWith('!'))
    .map((text) => {
      const { pattern } = globOf(text);
      return { text, matches: (file: string) => pattern.test(file) && !not.some((each) => each.test(file)) };
    });
}

function unmetDenials(denials: readonly string[]): readonly Unmet[] {
  if (denials.length === 0) return [];
  return [{ expectation: 'no_denials', expected: 'no tool call to be denied', actual: `denied: ${listed(denials)}` }];
}

function unmetPattern(pattern: string, { output, outputCut }: StepOutput): readonly Unmet[] {
  const expected = `the output to match /${pattern}/`;
  const unmet = (actual: string): readonly Unmet[] => [{ expectation: 'output', expected, actual }];
  try {
    const sandbox = { pattern, output };
    const matches: unknown = vm.runInNewContext('new RegExp(pattern, "m").test(output)', sandbox, {
      timeout: patternTimeoutMs,
    });
    if (matches === true) return [];
  } catch (error) {
    const isSlow = errorCode(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
    return unmet(
      isSlow ? `it could not be matched within ${formatSetDuration(patternTimeoutMs)}` : toError(error).message,
    );
  }
  if (outputCut) return unmet('it does not in its first and last lines, and its middle is not kept');
  return unmet(output === '' ? 'there was no output' : `it ended in: ${lastLineOf(output)}`);
}

function unmetSchema(schema: Readonly<Record<string, unknown>>, output: StepOutput): readonly Unmet[] {
  const expected = 'the output to meet its schema';
  const unmet = (actual: string): readonly Unmet[] => [{ expectation: 'schema', expected, actual }];
  const check = compileSchema(schema);
  if (!check.ok) return unmet(`the schema cannot be used: ${check.message}`);
  const json = readJsonOutput(output);
  switch (json.kind) {
    case 'not_json':
      return unmet(output.output === '' ? 'there was no output' : 'it is not JSON');
    case 'too_long':
      return unmet(`its ${json.bytes} bytes are too long to be read as JSON`);
    case 'json': {
      const problem = check.problemOf(json.value);
      return problem === undefined ? [] : unmet(problem);
    }
  }
}

/** Characters of a line that a message quotes. */
const quotedCharacters = 200;

function lastLineOf(output: string): string {
  return (output.trimEnd().split('\n').at(-1) ?? '').slice(0, quotedCharacters);
}

function listed(items: readonly string[]): string {
  const more = items.length > namedItems ? ` and ${items.length - namedItems} more` : '';
  return `${items.slice(0, namedItems).join(', ')}${more}`;
}

/** Lines of the attempt: those of its child and those of the expected command. */
export function sumOfLines(
  child: Readonly<Partial<Record<Stream, number>>>,
  command: Readonly<Partial<Record<Stream, number>>>,
): Readonly<Partial<Record<Stream, number>>> {
  const sum: Partial<Record<Stream, number>> = { ...child };
  for (const stream of streams) {
    const count = command[stream];
    if (count !== undefined) sum[stream] = (sum[stream] ?? 0) + count;
  }
  return sum;
}
