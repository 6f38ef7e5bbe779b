// The command `doctor`: looks at the machine, then sends one small run on its way and asks every backend whether it came.
import type { Command } from 'commander';
import { type CliContext, settingsFor } from './context.ts';
import { type Check, checkLines } from './doctor/check.ts';
import { exitCodes } from './exit-codes.ts';
import { examples } from './run.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';
import { createStyle, wantsColour } from './terminal/style.ts';

export function registerDoctor(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .description(
      'Check Claude Code, Node, the disk and the hub; then send a trace, a log and a metric, and ask each backend for them.',
    )
    .option('--json', 'print the checks as one JSON array')
    .addHelpText(
      'after',
      `${examples('doctor')}  $ OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 stepspan doctor --loki-url http://localhost:3100\n`,
    );
  addSettingFlags(command, 'dataDir', 'claude', 'shipWait', 'lokiUrl', 'tempoUrl', 'prometheusUrl', 'colour').action(
    (flags: FlagValues & { readonly json?: boolean }) => doctor(context, flags),
  );
}

async function doctor(context: CliContext, flags: FlagValues & { readonly json?: boolean }): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
  const checks: Check[] = [];
  const tell = (...found: readonly Check[]): void => {
    checks.push(...found);
    if (flags.json === true) return;
    for (const check of found) for (const line of checkLines(check, style)) context.stdout.write(`${line}\n`);
  };
  const { checkClaude, checkDataFolder, checkHub, checkNode } = await import('./doctor/machine.ts');
  const { checkDelivery } = await import('./doctor/delivery.ts');
  tell(checkNode(), await checkClaude(settings, context.env));
  const folder = checkDataFolder(settings);
  tell(folder, await checkHub(settings));
  if (folder.finding.kind !== 'bad') tell(...(await checkDelivery(settings, context.env, context.cwd)));
  if (flags.json === true) context.stdout.write(`${JSON.stringify(checks)}\n`);
  if (checks.some((check) => check.finding.kind === 'bad')) context.setExitCode(exitCodes.notExecuted);
}
