// Claude Code that an attempt starts by itself: from a script of a shell step, or from the Bash tool of a Claude step. It
// gets the means to report to the run. What it reports is counted; if it does not report, the cost is unknown.
import { toError } from '../../core/errors.ts';
import type { Append } from '../../core/record.ts';
import type { ClaudeTelemetry } from '../../workflow/workflow.ts';
import {
  type BashFile,
  bypassProxy,
  type CostSoFar,
  createPathShim,
  createReportedUse,
  createSpanDeriver,
  describeRefusals,
  findOverrulingSettings,
  type Intake,
  type OpenedIntake,
  type PathShim,
  type PriceTable,
  type ReportedUse,
  TRACING_VARIABLES,
  telemetryVariables,
  tracingVariables,
  writeBashFile,
  writeSettingsFile,
} from '../claude/index.ts';
import { isLive, type ProcessTree, processKey, readEnvironment } from '../process/index.ts';
import type { RunIdentity, StepSetting } from './step-context.ts';
import type { SystemLog } from './system-log.ts';

export type NestedClaude = {
  /** The environment of the attempt with what makes Claude Code report. */
  readonly env: Readonly<Record<string, string>>;
  /** Looks for Claude Code among the processes of the attempt from now on. */
  readonly watch: (tree: ProcessTree) => void;
  readonly soFar: () => CostSoFar;
  /** To be awaited after the attempt's process has ended. @returns undefined if no Claude Code was found */
  readonly finish: () => Promise<CostSoFar | undefined>;
};

export type NestedClaudePorts = {
  readonly intake: Intake;
  readonly prices: PriceTable;
  readonly append: Append;
  readonly log: SystemLog;
};

export type NestedClaudeOptions = {
  readonly mode: ClaudeTelemetry;
  /** The attempt's own process is Claude Code, whose output says what it costs. */
  readonly isInsideClaude: boolean;
  readonly setting: StepSetting;
  readonly identity: RunIdentity;
  readonly ports: NestedClaudePorts;
  /** Called after each report, when `soFar` has changed. */
  readonly onUse: () => void;
};

export function openNestedClaude(options: NestedClaudeOptions): NestedClaude {
  const { mode, isInsideClaude, setting, ports } = options;
  const { subject, spanId } = setting;
  const { runId, traceId } = options.identity;
  const target = { runId, subject, traceId, spanId };
  const use = createReportedUse(ports.prices);
  const channel = ports.intake.open(target, {
    observe(signal, body, sender) {
      for (const event of use.request(signal, body, sender)) ports.append.event(event, subject);
      options.onUse();
    },
  });
  const means = openMeans(mode, setting, channel, ports.log);
  const finder = createClaudeFinder(isInsideClaude, runId);

  async function finish(): Promise<CostSoFar | undefined> {
    finder.stop();
    const started = means.shim?.started() ?? [];
    means.remove();
    const wasFound = started.length > 0 || finder.found().length > 0;
    // Nearly all steps start no Claude Code, and do not wait for what it sends.
    if (wasFound || channel.isUsed()) await channel.settled();
    channel.close();
    const refused = channel.refusals();
    if (refused !== undefined) ports.log('warning', describeRefusals(refused), subject);
    if (!wasFound && !channel.isUsed()) return undefined;
    replaceMissingSpans();
    const unknown =
      use.soFar().unknown ??
      whyUnreported({ mode, isInsideClaude, started, found: finder.found(), innerRuns: finder.innerRuns(), use });
    return { ...use.soFar(), ...(unknown === undefined ? {} : { unknown }) };
  }

  /** A process that was killed leaves spans whose parents were never sent. */
  function replaceMissingSpans(): void {
    const deriver = createSpanDeriver(target);
    const { request, spans } = deriver.derive(channel.nesting(), BigInt(Date.now()) * 1_000_000n);
    if (spans === 0) return;
    ports.append.event({ type: 'claude.telemetry', signal: 'traces', derived: true, items: spans, request }, subject);
  }

  return {
    env: environmentFor(options, channel, means),
    watch: finder.watch,
    soFar: use.soFar,
    finish,
  };
}

/** The files by which Claude Code is made to report. */
type Means = {
  /** The small `claude` on the PATH. */
  readonly shim: PathShim | undefined;
  /** What Claude Code runs before each command of its Bash tool. */
  readonly bashFile: BashFile | undefined;
  readonly remove: () => void;
};

function openMeans(mode: ClaudeTelemetry, setting: StepSetting, channel: OpenedIntake, log: SystemLog): Means {
  const opened: { readonly remove: () => void }[] = [];
  const keep = <T extends { readonly remove: () => void }>(file: T | undefined): T | undefined => {
    if (file !== undefined) opened.push(file);
    return file;
  };
  const remove = (): void => {
    for (const file of opened) file.remove();
  };
  const { env, cwd, subject } = setting;
  if (mode === 'off') return { shim: undefined, bashFile: undefined, remove };
  try {
    const shim = mode === 'path' ? keep(openShim(setting, channel)) : undefined;
    const bashFile = keep(writeBashFile({ variables: tracingVariables(channel), own: env.CLAUDE_ENV_FILE, cwd }));
    return { shim, bashFile, remove };
  } catch (error) {
    const why = toError(error).message;
    log('warning', `what Claude Code costs that this step starts will not be counted: ${why}`, subject);
    return { shim: undefined, bashFile: undefined, remove };
  }
}

/** With a settings file if those of the person send the telemetry of Claude Code elsewhere. */
function openShim({ env, cwd, traceparent }: StepSetting, channel: OpenedIntake): PathShim | undefined {
  const variables = telemetryVariables(channel);
  const overruling = findOverrulingSettings({ env, cwd });
  const settings = overruling.length === 0 ? undefined : writeSettingsFile({ overruling, variables, args: [], cwd });
  const settingsFile = settings?.path;
  const shim = createPathShim(env.PATH ?? '', { variables, endpoint: channel.url, traceparent, settingsFile });
  if (shim === undefined) {
    settings?.remove();
    return undefined;
  }
  const remove = (): void => {
    shim.remove();
    settings?.remove();
  };
  return { ...shim, remove };
}

function environmentFor(
  { mode, isInsideClaude, setting }: NestedClaudeOptions,
  channel: OpenedIntake,
  { shim, bashFile }: Means,
): Readonly<Record<string, string>> {
  const { env } = setting;
  if (shim !== undefined) env.PATH = `${shim.folder}:${env.PATH ?? ''}`;
  if (bashFile !== undefined) env.CLAUDE_ENV_FILE = bashFile.path;
  if (mode === 'env') {
    for (const name of TRACING_VARIABLES) delete env[name];
    Object.assign(env, telemetryVariables(channel));
  }
  // Claude Code that is the attempt's own process would take these variables for itself.
  if (mode === 'path' && !isInsideClaude) Object.assign(env, tracingVariables(channel));
  if (mode !== 'off') bypassProxy(env);
  return env;
}

type Unreported = Pick<NestedClaudeOptions, 'mode' | 'isInsideClaude'> & {
  /** Pids that the small `claude` noted. */
  readonly started: readonly string[];
  /** Pids that were seen among the processes. */
  readonly found: readonly string[];
  /** Runs of stepspan inside of the step in which some of these were seen. */
  readonly innerRuns: readonly string[];
  readonly use: ReportedUse;
};

/** Why the cost of Claude Code is not completely known; undefined if all that was seen has reported. */
function whyUnreported({ mode, isInsideClaude, started, found, innerRuns, use }: Unreported): string | undefined {
  const reported = use.processes();
  const silent = [...new Set([...started, ...found])].filter((pid) => !reported.has(pid));
  // Several processes report at one address, where sessions can be counted at best, and not assigned to pids.
  const missing = silent.length - use.sharedSessions();
  if (missing <= 0) return undefined;
  if (innerRuns.length > 0)
    return `Claude Code ran in a run of stepspan inside of this step, whose cost is its own: ${innerRuns.join(', ')}`;
  const pids = silent.join(', ');
  const which =
    missing === silent.length ? `Claude Code (process ${pids})` : `${missing} of Claude Code's processes ${pids}`;
  if (silent.every((pid) => started.includes(pid))) return `${which} ended before it reported what it used`;
  const why = `${which} ran in this step and did not report what it used`;
  switch (mode) {
    case 'path':
      // Inside of Claude Code `env` is the same as `path`.
      return isInsideClaude
        ? `${why}: it ended too early, or is older than 2.0.72 and was not started as \`claude\` from the PATH`
        : `${why}: it ended too early, or was not started as \`claude\` from the PATH; try \`claudeTelemetry: env\` at the step`;
    case 'env':
      return why;
    case 'off':
      return `${why}, because the step has \`claudeTelemetry: off\``;
  }
}

type ClaudeFinder = {
  readonly watch: (tree: ProcessTree) => void;
  /** Pids of the Claude Code processes that were seen to answer a prompt. */
  readonly found: () => readonly string[];
  /** The runs inside of this one that some of them belong to. */
  readonly innerRuns: () => readonly string[];
  readonly stop: () => void;
};

/**
 * Between two looks at the processes, in ms. Claude Code takes 300 to start, so none is missed that gets as far as a model
 * call. A look reads two small files of /proc for each process of the attempt.
 */
const LOOK_MS = 200;

const runVariable = 'STEPSPAN_RUN_ID=';

/** An answer to a prompt is what costs money: `claude mcp list` and the like do not. */
const promptFlag = /(^|\s)(-p|--print|--input-format|--output-format)(=|\s|$)/;

/** @param isRootClaude the root of the tree is Claude Code itself and is not looked for */
export function createClaudeFinder(isRootClaude: boolean, runId: string): ClaudeFinder {
  const found = new Set<string>();
  const innerRuns = new Set<string>();
  /** The name under which each process was seen last. */
  const names = new Map<string, string>();
  let stop = (): void => undefined;

  async function look(tree: ProcessTree): Promise<void> {
    for (const info of await tree.look()) {
      const name = info.name ?? '';
      if (isRootClaude && info.pid === tree.root?.pid) continue;
      if (!isLive(info) || names.get(processKey(info)) === name) continue;
      names.set(processKey(info), name);
      if (!/^claude(\.exe)?$/.test(name)) continue;
      const command = await tree.source.command(info.pid);
      // In brackets, as it has no arguments: it has ended since the look, or is becoming another program, which the next look sees.
      if (/^\[.*\]$/.test(command)) {
        names.delete(processKey(info));
        continue;
      }
      // Before it becomes another program, what Claude Code starts is for a moment a copy of Claude Code.
      if (command === (await tree.source.command(info.parentPid))) continue;
      // Versions that are JavaScript put their name in place of their arguments.
      if (!promptFlag.test(command) && command.includes(' ')) continue;
      found.add(String(info.pid));
      const run = readEnvironment(info.pid).find((entry) => entry.startsWith(runVariable));
      if (run !== undefined && run !== `${runVariable}${runId}`) innerRuns.add(run.slice(runVariable.length));
    }
  }

  return {
    watch(tree) {
      // Elsewhere a look starts `ps`, which lists no names.
      if (process.platform !== 'linux') return;
      const timer = setInterval(() => void look(tree).catch(() => undefined), LOOK_MS).unref();
      stop = () => clearInterval(timer);
    },
    found: () => [...found],
    innerRuns: () => [...innerRuns],
    stop: () => stop(),
  };
}
