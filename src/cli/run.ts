// The commands that start a run: `run FILE`, `exec -- CMD`, `resume RUN`. They turn flags and settings into options of the library,
// which starts the run; watch-run.ts then shows it to its end.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatUsd } from '../core/cost.ts';
import { formatDuration } from '../core/duration.ts';
import { toError } from '../core/errors.ts';
import { isRunId, type RunId } from '../core/ids.ts';
import type { Labels } from '../core/labels.ts';
import { plural } from '../core/units.ts';
import {
  type NewBudget,
  type PlannedStepOfResume,
  planResume,
  type Refusal,
  type ResumeOptions,
  type ResumePlan,
  type RunOptions,
  startWorkflow,
  type WorkflowSource,
} from '../library/index.ts';
import { parsePrices } from '../run/index.ts';
import { defineWorkflow, formatProblems } from '../workflow/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes, exitStatusHelp } from './exit-codes.ts';
import { formatTable } from './format.ts';
import { labelOption } from './label-flag.ts';
import { alertFlags, notifySettingsOf } from './notify-settings.ts';
import { adoptOrphansOrWarn } from './orphans.ts';
import { defaultClaude } from './setting-table.ts';
import { addSettingFlags, type FlagValues, type Settings } from './settings.ts';
import { safe } from './terminal/step-text.ts';
import { viewContext, type WatchFlags, watchRun } from './watch-run.ts';

type RunFlags = FlagValues &
  WatchFlags & {
    readonly param?: readonly string[];
    readonly label?: Labels;
    readonly shared?: boolean;
    readonly ship?: boolean;
    readonly runId?: RunId;
  };

type ResumeFlags = RunFlags & {
  readonly fromStep?: string;
  readonly budget?: NewBudget;
  readonly edited?: boolean;
  readonly fresh?: boolean;
  readonly plan?: boolean;
};

export function registerRun(program: Command, context: CliContext): void {
  runOptions(program.command('run'))
    .argument('<file>', 'the workflow, a YAML file')
    .description('Run a workflow, show it while it runs, and exit with a code that says how it ended.')
    .option('-p, --param <name=value>', 'a value for a param of the workflow; may be given more than once', collect)
    .addHelpText(
      'after',
      examples(
        'run review.yaml',
        'run review.yaml -p depth=3 --json',
        'run review.yaml --label team=payments --label pr=42',
        'run nightly.yaml --ship-wait 60s',
      ),
    )
    .action(async (file: string, flags: RunFlags) => {
      const params = paramsOf(context, flags.param ?? []);
      if (params === undefined) return;
      await start(context, flags, { file: path.resolve(context.cwd, file), params });
    });

  runOptions(program.command('exec'))
    .argument('<command...>', 'the command and its arguments, after `--`')
    .description('Run one command as a workflow of one step. Exits with the exit code of the command.')
    .option('--name <name>', 'what the run is called; the name of the program without it')
    .option('--timeout <duration>', 'how long it may take', '24h')
    .addHelpText('after', examples('exec -- npm test', 'exec --name nightly -- ./build.sh --all'))
    .action(async (command: string[], flags: RunFlags & { name?: string; timeout: string }) => {
      const name = flags.name ?? path.basename(command[0] ?? '');
      const frame = defineWorkflow(
        { name, steps: [{ id: 'exec', name, run: 'true', timeout: flags.timeout }] },
        { cwd: context.cwd },
      );
      if (!frame.ok) return refuse(context, { kind: 'invalid', problems: frame.problems, message: '' });
      // Added after the checks, which are for workflow files: braces in these words are not templates.
      const words = { shell: command.slice(0, -1), command: command.at(-1) ?? '' };
      const steps = frame.workflow.steps.map((step) =>
        step.kind === 'run' ? { ...step, ...words, inheritsStdin: context.stdinIsTerminal === false } : step,
      );
      const watched = await start(context, flags, { checked: { ...frame.workflow, steps } });
      const outcome = watched?.state.steps[0]?.phase;
      if (outcome?.kind === 'finished' && outcome.outcome.kind === 'failure' && watched?.result.outcome === 'failure') {
        context.setExitCode(outcome.outcome.exitCode ?? exitCodes.runFailed);
      }
    });

  runOptions(program.command('resume'))
    .argument('<run>', 'the run to continue: its id, an unambiguous part of it, or `latest`')
    .description('Continue from the first step that did not succeed, in a new run that is linked to the old one.')
    .addOption(new Option('--budget <limit>', budgetHelp).argParser(parseBudget))
    .option('--from-step <id>', 'run this step and all that need it again, even if they succeeded')
    .option('--edited', 'use the workflow file as it is now: steps that are the same are kept, changed ones run')
    .option(
      '-p, --param <name=value>',
      'with --edited: another value for a param; may be given more than once',
      collect,
      [],
    )
    .option('--plan', 'print which steps are kept and which run, why, and what that saves; start nothing')
    .option('--fresh', 'start interrupted Claude steps in a new session')
    .addHelpText(
      'after',
      examples(
        'resume latest',
        'resume latest --edited --plan',
        'resume latest --budget 10',
        'resume 20261123-151507-k3f9x2 --from-step build',
      ).concat('\nA run that is paused continues with `stepspan continue RUN`.\n'),
    )
    .action(async (run: string, flags: ResumeFlags) => {
      const params = paramsOf(context, flags.param ?? []);
      if (params === undefined) return;
      const { fromStep, edited, fresh, budget } = flags;
      const options = { resume: run, fromStep, edited, fresh, params };
      const source = { ...options, ...(budget === undefined ? {} : { budget }) };
      if (flags.plan === true) return showPlan(context, flags, source);
      await start(context, flags, source);
    });
}

/** In groups: nobody reads two dozen flags in one list. */
function runOptions(command: Command): Command {
  command
    .optionsGroup('What is run:')
    .addOption(labelOption('a label of the run, over that of the workflow; an empty value leaves it out'))
    .option('--shared', 'run although another run writes in the same working folder')
    .addOption(new Option('--run-id <id>', 'the id of the new run').hideHelp().argParser(parseRunId));
  addSettingFlags(command, 'concurrency', 'claude', 'priceTable')
    .optionsGroup('What is shown:')
    .option('--json', 'print the result as one JSON object, alone on standard output')
    .option('-q, --quiet', 'show only the closing summary')
    .option('-o, --output', 'on a terminal, show what the steps print above the list of steps');
  addSettingFlags(command, 'colour')
    .optionsGroup('Live page:')
    .option('--serve', 'serve the live page of this run, also if the output is not a terminal')
    .option('--no-serve', 'serve no live page')
    .option('--open', 'open the live page in a browser, and keep serving it after the run, until Ctrl-C');
  addSettingFlags(
    command.optionsGroup('What is kept:'),
    'dataDir',
    'redact',
    'durability',
    'archive',
    'archiveEncryption',
    'archiveKmsKey',
  );
  command
    .optionsGroup('Telemetry and alerts:')
    .option('--no-ship', 'send nothing to an OTLP endpoint, whatever OTEL_* says');
  addSettingFlags(command, 'shipWait', 'traceContext', 'metricsPort', 'metricLabels', ...alertFlags);
  // The flags that a command adds itself belong to this group.
  return command.optionsGroup('What is run:').addHelpText('after', exitStatusHelp());
}

async function start(context: CliContext, flags: RunFlags, source: WorkflowSource) {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return undefined;
  if (flags.open === true && flags.serve === false)
    return fail(
      context,
      exitCodes.badInput,
      '--open shows the page that --no-serve switches off; leave one of them out',
    );
  const options = optionsOf(context, settings, flags, source);
  if (options === undefined) return undefined;
  adoptOrphansOrWarn(context);
  const signals = holdSignals(context);
  const started = await startWorkflow({ ...options, onBegin: signals.hold });
  if (started.kind !== 'started') {
    signals.release();
    return refuse(context, started);
  }
  // The plain view shows these among the lines of the run; the other views do not.
  if (flags.quiet === true || viewContext(context, flags).stdout.isTTY === true)
    for (const note of started.run.notes) context.stderr.write(`stepspan: ${note}\n`);
  return watchRun(signals.passOn(), settings, started.run, flags);
}

/**
 * A signal ends stepspan at once while it still checks the workflow. From the moment at which the run begins, and its first steps
 * with it, a signal is held for `watchRun`: if it ended stepspan, these steps would live on.
 */
function holdSignals(context: CliContext) {
  const held: NodeJS.Signals[] = [];
  let release = (): void => undefined;
  return {
    hold(): void {
      release = context.onSignal((signal) => void held.push(signal));
    },
    release: () => release(),
    /** The first listener to this context gets what was held. */
    passOn: (): CliContext => ({
      ...context,
      onSignal(listener) {
        const stop = context.onSignal(listener);
        release();
        for (const signal of held.splice(0)) listener(signal);
        return stop;
      },
    }),
  };
}

async function showPlan(
  context: CliContext,
  flags: ResumeFlags,
  options: ResumeOptions & { readonly budget?: NewBudget },
): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const planned = await planResume({ ...options, dataDir: settings.dataDir });
  if (planned.kind !== 'planned') return refuse(context, planned);
  const { plan } = planned;
  const text = flags.json === true ? JSON.stringify(plan) : resumePlanLines(plan).join('\n');
  context.stdout.write(`${text}\n`);
}

function optionsOf(
  context: CliContext,
  settings: Settings,
  flags: RunFlags,
  source: WorkflowSource,
): RunOptions | undefined {
  const prices = pricesOf(context, settings.priceTable);
  const alerts = notifySettingsOf(context, settings);
  if (prices === undefined || alerts === undefined) return undefined;
  return {
    ...source,
    dataDir: settings.dataDir,
    env: { ...context.env, ...claudeVariable(settings) },
    claudeSetBy: claudeSetBy(context.env, flags),
    redact: settings.redact,
    durability: settings.durability,
    archive: settings.archive,
    archiveEncryption: settings.archiveEncryption,
    archiveKmsKey: settings.archiveKmsKey,
    labels: flags.label ?? {},
    shared: flags.shared ?? false,
    ship: flags.ship === false ? 'off' : 'auto',
    shipWaitMs: settings.shipWait,
    publicUrl: settings.publicUrl,
    traceContext: settings.traceContext,
    metricLabels: settings.metricLabels,
    ...alerts,
    ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency }),
    ...(flags.runId === undefined ? {} : { runId: flags.runId }),
    ...prices,
  };
}

/** Only if somebody chose a program, as the message for a missing one depends on it. */
function claudeVariable({ claude }: Settings): { readonly STEPSPAN_CLAUDE?: string } {
  return claude === defaultClaude ? {} : { STEPSPAN_CLAUDE: claude };
}

/** The setting that named the program, as a person would look for it. */
export function claudeSetBy(env: NodeJS.ProcessEnv, flags: FlagValues): string {
  if (flags.claude !== undefined) return '--claude';
  return env.STEPSPAN_CLAUDE ? 'STEPSPAN_CLAUDE' : 'the setting `claude`';
}

/** @returns undefined after the problem was reported */
function pricesOf(context: CliContext, file: string | undefined): Pick<RunOptions, 'prices'> | undefined {
  if (file === undefined) return {};
  try {
    const parsed = parsePrices(readFileSync(file, 'utf8'), file);
    if (parsed.ok) return { prices: parsed.prices };
    return fail(context, exitCodes.badInput, ...parsed.problems);
  } catch (error) {
    return fail(context, exitCodes.badInput, `${file}: the price table cannot be read: ${toError(error).message}`);
  }
}

function refuse(context: CliContext, refusal: Refusal): undefined {
  switch (refusal.kind) {
    case 'invalid':
      context.stderr.write(`${formatProblems(refusal.problems)}\n`);
      return void context.setExitCode(exitCodes.badInput);
    case 'unsuited':
      return fail(context, exitCodes.badInput, ...refusal.message.split('\n'));
    case 'unusable':
      return fail(context, exitCodes.notExecuted, ...refusal.message.split('\n'));
    case 'not_found':
      return fail(context, exitCodes.notFound, refusal.message);
    case 'locked':
      return fail(context, exitCodes.lockHeld, refusal.message);
  }
}

function paramsOf(context: CliContext, given: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const text of given) {
    const equals = text.indexOf('=');
    if (equals < 1) return fail(context, exitCodes.badInput, `--param ${text}: write --param NAME=VALUE`);
    const name = text.slice(0, equals);
    if (Object.hasOwn(params, name))
      return fail(context, exitCodes.badInput, `--param ${name} is given twice; give it once`);
    params[name] = text.slice(equals + 1);
  }
  return params;
}

function parseRunId(text: string): RunId {
  if (isRunId(text)) return text;
  throw new InvalidArgumentError('Write an id such as 20261123-151507-k3f9x2.');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  if (value === '') throw new InvalidArgumentError('write --param NAME=VALUE');
  return [...before, value];
}

const budgetHelp =
  'what this run and those before it may cost together, instead of the limit in the workflow: 5 (US dollars), 3000000tokens, none; may be given once for each unit';

/** The value of `--budget`. @param before the value of an earlier `--budget` of the same command line */
export function parseBudget(text: string, before: NewBudget = {}): NewBudget {
  if (text === 'none') return { usd: null, tokens: null };
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*(usd|tokens)?$/i.exec(text.trim()) ?? [];
  const value = Number(amount);
  const isTokens = unit.toLowerCase() === 'tokens';
  if (amount === '' || !(value > 0) || (isTokens && !Number.isSafeInteger(value))) {
    throw new InvalidArgumentError('Write an amount above 0 such as 5 (US dollars) or 3000000tokens, or none.');
  }
  return isTokens ? { ...before, tokens: value } : { ...before, usd: value };
}

/** A note can name many steps and a long path. */
const noteCharacters = 2000;

const planColumns = [
  { head: 'STEP' },
  { head: 'ACTION' },
  { head: 'COST', side: 'right' },
  { head: 'TIME', side: 'right' },
  { head: 'WHY' },
] as const;

/** A table of the steps with what happens to each and why, and what is saved. */
function resumePlanLines({ runId, workflow, notes, steps, saved }: ResumePlan): readonly string[] {
  const count = (action: PlannedStepOfResume['action']): number =>
    steps.filter((step) => step.action === action).length;
  const rows = steps.map((step) => [
    safe(step.id),
    step.action,
    step.costUsd > 0 ? formatUsd(step.costUsd) : '',
    step.durationMs > 0 ? formatDuration(step.durationMs) : '',
    `${safe(step.why)}${step.continuesSession ? '; continues in its session' : ''}`,
  ]);
  return [
    `Run ${runId} of ${safe(workflow)} would continue as follows; nothing was started.`,
    ...notes.map((note) => safe(note, noteCharacters)),
    '',
    ...formatTable(planColumns, rows, Number.POSITIVE_INFINITY),
    '',
    `${plural(count('keep'), 'step')} kept, which saves ${formatUsd(saved.costUsd)} and ${formatDuration(saved.durationMs)}; ` +
      `${plural(count('run'), 'step')} to run.`,
  ];
}
