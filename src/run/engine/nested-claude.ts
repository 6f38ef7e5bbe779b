// Claude Code that an attempt starts by itself: a script of a shell step, or the Bash tool of a Claude step. It is given a
// way to report to the run, what it reports is counted, and what does not report makes the cost unknown.
import type { Append } from '../../core/record.ts';
import type { ClaudeTelemetry } from '../../workflow/workflow.ts';
import {
  bypassProxy,
  type CostSoFar,
  createPathShim,
  createReportedUse,
  createSpanDeriver,
  describeRefusals,
  findOverrulingSettings,
  type Intake,
  type PathShim,
  type PriceTable,
  type SettingsFile,
  telemetryVariables,
  writeSettingsFile,
} from '../claude/index.ts';
import { isLive, type ProcessTree, processKey } from '../process/index.ts';
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
  /** The attempt's own process is Claude Code, whose cost its output tells. */
  readonly isInsideClaude: boolean;
  readonly setting: StepSetting;
  readonly identity: RunIdentity;
  readonly ports: NestedClaudePorts;
  /** Told after each report, when `soFar` has changed. */
  readonly onUse: () => void;
};

/**
 * Between two looks at the processes, in ms. Claude Code takes 300 to start, so none is missed that gets as far as a model
 * call. A look reads two small files of /proc for each process of the attempt.
 */
const LOOK_MS = 200;

/** An answer to a prompt is what costs money: `claude mcp list` and the like do not. */
const promptFlag = /(^|\s)(-p|--print|--input-format|--output-format)(=|\s|$)/;

export function openNestedClaude(options: NestedClaudeOptions): NestedClaude {
  const { mode, setting, ports } = options;
  const { subject, spanId, traceparent } = setting;
  const { runId, traceId } = options.identity;
  const target = { runId, subject, traceId, spanId };
  const use = createReportedUse(ports.prices);
  const channel = ports.intake.open(target, {
    observe(signal, body, sender) {
      for (const event of use.request(signal, body, sender)) ports.append.event(event, subject);
      options.onUse();
    },
  });
  const variables = telemetryVariables(channel);
  let settings: SettingsFile | undefined;
  const shim = mode === 'path' ? tryShim(setting.env.PATH ?? '') : undefined;
  /** Processes of Claude Code that were seen, by pid. */
  const seen = new Set<string>();
  let stopWatching = (): void => undefined;

  function tryShim(searched: string): PathShim | undefined {
    try {
      const { env, cwd } = setting;
      const overruling = findOverrulingSettings({ env, cwd });
      settings = overruling.length === 0 ? undefined : writeSettingsFile({ overruling, variables, args: [], cwd });
      return createPathShim(searched, { variables, endpoint: channel.url, traceparent, settingsFile: settings?.path });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      ports.log('warning', `what Claude Code costs that this step starts will not be counted: ${why}`, subject);
      return undefined;
    }
  }

  function environment(): Record<string, string> {
    const env: Record<string, string> = { ...setting.env };
    if (shim !== undefined) env.PATH = `${shim.folder}:${env.PATH ?? ''}`;
    if (mode === 'env') {
      Object.assign(env, variables);
      bypassProxy(env);
    }
    return env;
  }

  function watch(tree: ProcessTree): void {
    // Elsewhere a look starts `ps`, and says no names.
    if (process.platform !== 'linux') return;
    const known = new Map<string, string>();
    const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS).unref();
    stopWatching = () => clearInterval(timer);

    async function look(): Promise<void> {
      for (const info of await tree.look()) {
        const name = info.name ?? '';
        if (options.isInsideClaude && info.pid === tree.root?.pid) continue;
        if (!isLive(info) || known.get(processKey(info)) === name) continue;
        known.set(processKey(info), name);
        if (!/^claude(\.exe)?$/.test(name)) continue;
        const command = await tree.source.command(info.pid);
        // Before it becomes another program, what Claude Code starts is for a moment a copy of Claude Code.
        if (command === (await tree.source.command(info.parentPid))) continue;
        // Versions that are JavaScript put their name in place of their arguments.
        if (promptFlag.test(command) || !command.includes(' ')) seen.add(String(info.pid));
      }
    }
  }

  /** Why the cost of Claude Code is not known whole; undefined if all that was seen has reported. */
  function silent(started: readonly string[]): string | undefined {
    const reported = use.processes();
    // A settings file has one address for all processes.
    const isSilent = (pid: string): boolean => !reported.has(pid) && !(settings !== undefined && reported.has(''));
    const viaPath = started.filter(isSilent);
    if (viaPath.length > 0) return `Claude Code (process ${viaPath.join(', ')}) ended before it reported what it used`;
    // Under `env` all processes report at one address, so they cannot be told apart.
    const others = mode === 'env' && reported.size > 0 ? [] : [...seen].filter((pid) => isSilent(pid));
    if (others.length === 0) return undefined;
    const which = `Claude Code (process ${others.join(', ')}) ran in this step and did not report what it used`;
    switch (mode) {
      case 'path':
        return `${which}, because it was not started as \`claude\` from the PATH; write \`claudeTelemetry: env\` at the step`;
      case 'env':
        return which;
      case 'off':
        return `${which}, because the step has \`claudeTelemetry: off\``;
    }
  }

  async function finish(): Promise<CostSoFar | undefined> {
    stopWatching();
    const started = shim?.started() ?? [];
    shim?.remove();
    settings?.remove();
    // Nearly all steps start no Claude Code, and do not wait for what it sends.
    if (started.length > 0 || seen.size > 0 || channel.isUsed()) await channel.settled();
    channel.close();
    const refused = channel.refusals();
    if (refused !== undefined) ports.log('warning', describeRefusals(refused), subject);
    if (started.length === 0 && seen.size === 0 && !channel.isUsed()) return undefined;
    standIn();
    const unknown = use.soFar().unknown ?? silent(started);
    return { ...use.soFar(), ...(unknown === undefined ? {} : { unknown }) };
  }

  /** A process that was killed leaves spans whose parents were never sent. */
  function standIn(): void {
    const deriver = createSpanDeriver(target);
    const { request, spans } = deriver.derive(channel.nesting(), BigInt(Date.now()) * 1_000_000n);
    if (spans === 0) return;
    ports.append.event({ type: 'claude.telemetry', signal: 'traces', derived: true, items: spans, request }, subject);
  }

  return { env: environment(), watch, soFar: use.soFar, finish };
}
