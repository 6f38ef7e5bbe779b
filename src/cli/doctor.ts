// The command `doctor`: looks at the machine, with --stack at every piece of the stack, then sends one small run on its way
// and asks every backend whether it came.
import type { Command } from 'commander';
import { type CliContext, settingsFor } from './context.ts';
import { type Check, checkLines, leftOut } from './doctor/check.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { claudeSetBy } from './run.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';
import { createStyle, wantsColour } from './terminal/style.ts';

export function registerDoctor(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .description(
      'Check Claude Code, Node, the disk and the hub; then send a trace, a log and a metric, and ask each backend for them.',
    )
    .option(
      '--stack',
      'check the Collector, Loki, Tempo, Prometheus, Alertmanager and Grafana too, where docker-compose.yml has them unless settings say otherwise',
    )
    .option('--json', 'print the checks as one JSON array')
    .addHelpText(
      'after',
      `${examples('doctor')}  $ OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 stepspan doctor --loki-url http://localhost:3100
  $ stepspan doctor --stack
`,
    );
  addSettingFlags(
    command,
    'dataDir',
    'claude',
    'shipWait',
    'lokiUrl',
    'lokiTenant',
    'lokiHeaders',
    'tempoUrl',
    'prometheusUrl',
    'alertmanagerUrl',
    'grafanaUrl',
    'colour',
  ).action((flags: DoctorFlags) => doctor(context, flags));
}

/** Without these a run cannot be sent, or asking for each would take half a minute and find nothing. */
const needed: ReadonlySet<string> = new Set(['Data folder', 'Collector', 'Tempo', 'Loki', 'Prometheus']);

type DoctorFlags = FlagValues & { readonly json?: boolean; readonly stack?: boolean };

async function doctor(context: CliContext, flags: DoctorFlags): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
  const checks: Check[] = [];
  const report = (...found: readonly Check[]): void => {
    checks.push(...found);
    if (flags.json === true) return;
    for (const check of found) for (const line of checkLines(check, style)) context.stdout.write(`${line}\n`);
  };
  const { checkClaude, checkDataFolder, checkHub, checkNode } = await import('./doctor/machine.ts');
  const { checkDelivery } = await import('./doctor/delivery.ts');
  report(checkNode(), ...(await checkClaude(settings, context.env, context.cwd, claudeSetBy(context.env, flags))));
  const folder = checkDataFolder(settings);
  report(folder, await checkHub(settings));
  let asked = settings;
  let { env } = context;
  if (flags.stack === true) {
    const { checkStack, composeAddresses, withStack } = await import('./doctor/stack/index.ts');
    report(...(await checkStack(settings, env)));
    asked = withStack(settings);
    env = { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: env.OTEL_EXPORTER_OTLP_ENDPOINT || composeAddresses.collector };
  }
  if (checks.some(({ what, finding }) => finding.kind === 'bad' && needed.has(what))) {
    const remedy = 'Fix what is above first. Then doctor sends one small run through all of it.';
    report(leftOut('Probe run', 'nothing was sent, as it could not arrive', remedy));
  } else report(...(await checkDelivery(asked, env, context.cwd)));
  if (flags.json === true) context.stdout.write(`${JSON.stringify(checks)}\n`);
  if (checks.some((check) => check.finding.kind === 'bad')) context.setExitCode(exitCodes.notExecuted);
}
