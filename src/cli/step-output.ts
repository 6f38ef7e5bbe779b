// `stepspan output RUN STEP`: the result of a step, alone on stdout: all of its standard output, the result of a Claude step, or one field.
import type { Command } from 'commander';
import { readStepResult } from '../api/http/step-results.ts';
import { isRunId } from '../core/ids.ts';
import { parseObject, textAt } from '../core/json.ts';
import { isReused } from '../core/outcome.ts';
import {
  fieldIn,
  jsonOfNamed,
  maxJsonBytes,
  outputFieldsOf,
  readJsonOutput,
  type StepOutput,
  valueText,
} from '../core/step-output.ts';
import { unreachable } from '../core/unreachable.ts';
import { type DataFolder, dataFolder, type JournalProblem, openJournal, type RunFolder } from '../journal/index.ts';
import {
  type AttemptState,
  closeIfKilled,
  isWriterGone,
  notClosedYet,
  type RunState,
  readRunState,
  type StepState,
} from '../runs/index.ts';
import { type CliContext, fail } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { findRunState, problemReporter, readable, readableRunArgument, reportingReader } from './find-run.ts';
import { createOutput, writeAll } from './output.ts';
import { addSettingFlags } from './settings.ts';

type OutputFlags = { readonly field?: string; readonly json?: boolean };

export function registerStepOutput(program: Command, context: CliContext): void {
  const command = program
    .command('output')
    .argument('<run>', readableRunArgument)
    .argument('<step>', 'the id of a step')
    .description('Print the result of a step: its standard output, the result of a Claude step, or one field of it.')
    .option('--field <path>', 'a named output, or a field of an output that is JSON: version, items.0.name')
    .option('--json', 'print one JSON object with the output, bounded as later steps get it, and all named outputs')
    .addHelpText(
      'after',
      examples('output latest build', 'output 7f3k2m review --field verdict', 'output latest build --json'),
    )
    .action((run: string, step: string, flags: OutputFlags) => printOutput(run, step, flags, context));
  addSettingFlags(command, 'dataDir');
}

async function printOutput(run: string, stepId: string, flags: OutputFlags, context: CliContext): Promise<void> {
  const found = await findRunState(context, run, { ...flags });
  if (found === undefined) return;
  const { folder, settings } = found;
  const state = closeIfKilled(found.state, isWriterGone(found.state));
  const step = state.steps.find(({ id }) => id === stepId);
  if (step === undefined) {
    const ids = state.steps.map(({ id }) => id).join(', ');
    return fail(context, exitCodes.notFound, `run ${state.runId} has no step \`${stepId}\`; its steps are ${ids}`);
  }
  const result = await readable(context, () => readStepResult(reportingReader(folder, context), step));
  if (result === 'unreadable') return;
  if (result === undefined) {
    const message = `step \`${stepId}\` of run ${state.runId} has not ended; \`stepspan tail ${state.runId} --step ${stepId}\` shows its output`;
    return fail(context, exitCodes.notExecuted, message);
  }
  const hadEnd = found.state.steps.some(({ id, phase }) => id === stepId && phase.kind === 'finished');
  if (!hadEnd && (flags.field !== undefined || flags.json === true)) {
    const message = `${notClosedYet(state)}, so step \`${stepId}\` has no result; \`stepspan cancel ${state.runId}\` closes it, and \`stepspan output ${state.runId} ${stepId}\` prints what the step printed`;
    return fail(context, exitCodes.notExecuted, message);
  }
  if (flags.field !== undefined) return printField(flags.field, stepId, result, context);
  if (flags.json === true) return print(context, `${JSON.stringify(jsonOf(state, step, result))}\n`);
  const source = await readable(context, () =>
    sourceOf(dataFolder(settings.dataDir), { folder, state, step }, problemReporter(context)),
  );
  if (source !== 'unreadable') await readable(context, () => printWhole(source, step, result, context));
}

function jsonOf(state: RunState, step: StepState, result: StepOutput): object {
  const outcome = step.phase.kind === 'finished' ? step.phase.outcome.kind : null;
  return { runId: state.runId, step: step.id, outcome, ...outputFieldsOf(result) };
}

async function print(context: CliContext, text: string): Promise<void> {
  const output = createOutput(context.stdout);
  await output.write(text);
  output.release();
}

/** A named output wins over a field of the output: the step set it on purpose. */
function printField(field: string, step: string, result: StepOutput, context: CliContext): Promise<void> | undefined {
  const [name = '', ...inside] = field.split('.');
  const notThere = (message: string): undefined => fail(context, exitCodes.notFound, message);
  const named = result.outputs ?? {};
  const value = Object.hasOwn(named, name) ? named[name] : undefined;
  if (value !== undefined) {
    const found = fieldIn(inside.length === 0 ? value : jsonOfNamed(value), inside);
    if (found.kind === 'found') return print(context, `${valueText(found.value)}\n`);
    return notThere(`the output \`${name}\` of step \`${step}\` has no \`${inside.join('.')}\`${hasOf(found.names)}`);
  }
  const read = readJsonOutput(result);
  switch (read.kind) {
    case 'json': {
      const found = fieldIn(read.value, [name, ...inside]);
      if (found.kind === 'found') return print(context, `${valueText(found.value)}\n`);
      const names = [...Object.keys(named), ...found.names];
      return notThere(`the output of step \`${step}\` has no \`${field}\`${hasOf(names)}`);
    }
    case 'too_long': {
      const bound = `up to ${maxJsonBytes} bytes are read as JSON`;
      return notThere(`the output of step \`${step}\` has ${read.bytes} bytes; ${bound}${hasOf(Object.keys(named))}`);
    }
    case 'not_json': {
      const what = `the output of step \`${step}\` is not JSON and the step set no output named \`${name}\``;
      return notThere(`${what}${hasOf(Object.keys(named))}`);
    }
    default:
      return unreachable(read);
  }
}

function hasOf(names: readonly string[]): string {
  return names.length === 0 ? '' : `; it has ${names.join(', ')}`;
}

/** Byte for byte what a shell step printed on stdout; the whole result of a Claude step. */
async function printWhole(
  source: Source | undefined,
  step: StepState,
  result: StepOutput,
  context: CliContext,
): Promise<void> {
  if (step.kind === 'claude') {
    const whole = result.outputCut ? await wholeResult(source, result, context) : result.output;
    if (whole !== undefined) return print(context, whole === '' || whole.endsWith('\n') ? whole : `${whole}\n`);
  } else if (source !== undefined && source.attempt.lines.stdout > 0) {
    const output = createOutput(context.stdout);
    await writeAll(stdoutOf(source, context), output);
    output.release();
    return undefined;
  } else if (!result.outputCut) return print(context, result.output === '' ? '' : `${result.output}\n`);
  await print(context, `${result.output}\n`);
  const message = `the lines of step \`${step.id}\` are no longer kept, so its middle is left out`;
  return fail(context, exitCodes.notExecuted, message);
}

type Source = { readonly folder: RunFolder; readonly step: string; readonly attempt: AttemptState };

/** Where the lines are: in the run itself, or, for a step that a resumed run reused, in the run that ran it. */
async function sourceOf(
  data: DataFolder,
  { folder, state, step }: { readonly folder: RunFolder; readonly state: RunState; readonly step: StepState },
  onProblem: (problem: JournalProblem) => void,
): Promise<Source | undefined> {
  const attempt = step.attempts.at(-1);
  if (attempt !== undefined) return { folder, step: step.id, attempt };
  const isTakenOver = step.phase.kind === 'finished' && isReused(step.phase.outcome);
  const before = state.resumedFrom ?? '';
  if (!isTakenOver || !isRunId(before)) return undefined;
  if (!data.listRunIds().includes(before)) return undefined;
  const earlier = await readRunState(data.runDir(before), onProblem);
  const earlierStep = earlier?.steps.find(({ id }) => id === step.id);
  return earlier === undefined || earlierStep === undefined
    ? undefined
    : sourceOf(data, { folder: data.runDir(before), state: earlier, step: earlierStep }, onProblem);
}

async function* recordsOf({ folder, step, attempt }: Source, context: CliContext) {
  const onProblem = problemReporter(context);
  for await (const records of openJournal(folder).read({ from: attempt.firstSeq, onProblem })) {
    for (const record of records) {
      if (attempt.lastSeq !== undefined && record.seq > attempt.lastSeq) return;
      if (record.kind !== 'output') continue;
      if (record.subject?.step === step && record.subject.attempt === attempt.number) yield record;
    }
  }
}

async function* stdoutOf(source: Source, context: CliContext): AsyncGenerator<Buffer> {
  for await (const record of recordsOf(source, context)) {
    if (record.stream === 'stdout') yield Buffer.from(record.bytes);
  }
}

/** From the raw result line, as the text in an event is bounded. */
async function wholeResult(
  source: Source | undefined,
  { outputJson }: StepOutput,
  context: CliContext,
): Promise<string | undefined> {
  if (outputJson !== undefined || source === undefined) return outputJson;
  let line: Buffer[] = [];
  let text: string | undefined;
  for await (const record of recordsOf(source, context)) {
    if (record.stream !== 'debug') continue;
    const lines = Buffer.from(record.bytes).toString('latin1').split('\n');
    for (const [at, part] of lines.entries()) {
      line.push(Buffer.from(part, 'latin1'));
      if (at === lines.length - 1) break;
      text = resultIn(Buffer.concat(line).toString('utf8')) ?? text;
      line = [];
    }
  }
  return text;
}

function resultIn(line: string): string | undefined {
  if (!line.includes('"type":"result"')) return undefined;
  const message = parseObject(line);
  return message?.type === 'result' ? textAt(message, 'result') : undefined;
}
