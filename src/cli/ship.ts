// The command `ship RUN`: sends what a backend does not have yet, or everything again.
import type { Command } from 'commander';
import { formatCount, plural } from '../core/units.ts';
import { dataFolder, openJournal, type RunFolder } from '../journal/index.ts';
import { defaultShipWaitMs } from '../library/index.ts';
import { sendRest } from '../library/pushing.ts';
import { isShippingConfigured, readMetricSettings, type ShipperStatus } from '../readers/ship/index.ts';
import type { Shipper } from '../readers/ship/shipper.ts';
import { adoptIfKilled } from './adopt-killed.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';

/** How often the progress is printed while it lasts, in milliseconds. */
const progressEveryMs = 5_000;

export function registerShip(program: Command, context: CliContext): void {
  const command = program
    .command('ship')
    .argument('<run>', 'a run: its id, an unambiguous part of it, or `latest`')
    .description(
      'Send what a run still has to send over OTLP (OTEL_EXPORTER_OTLP_ENDPOINT and similar variables), and wait for it.',
    )
    .option('--again', 'send everything again, as to a backend that has lost it; what already exists there shows once')
    .addHelpText(
      'after',
      examples('ship latest', 'ship latest --ship-wait 10m') +
        '  $ OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 stepspan ship 20261123-151507-k3f9x2 --again\n',
    );
  addSettingFlags(command, 'dataDir', 'shipWait').action(
    (run: string, flags: FlagValues & { readonly again?: boolean }) => ship(context, run, flags),
  );
}

async function ship(context: CliContext, run: string, flags: FlagValues & { readonly again?: boolean }): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const found = data.findRun(run);
  if (found.kind !== 'found') return fail(context, exitCodes.notFound, found.message);
  if (!isShippingConfigured(context.env) && readMetricSettings(context.env).kind === 'off') {
    const remedy = 'set OTEL_EXPORTER_OTLP_ENDPOINT, for example to http://localhost:4318';
    return fail(context, exitCodes.badInput, `nobody said where to send run ${found.runId}: ${remedy}`);
  }
  const folder = data.runDir(found.runId);
  // A run whose process is dead is closed first, so that its trace has a root.
  await adoptIfKilled(context, folder, '`stepspan ship`');
  const waitMs = settings.shipWait ?? defaultShipWaitMs;
  const again = flags.again === true;
  const { metricLabels } = settings;
  const push = { env: context.env, metricLabels };
  const untaken = await sendRest(openJournal(folder), push, { ms: waitMs, giveUp: 'unreachable' }, again);
  if (untaken !== '') fail(context, exitCodes.notExecuted, untaken);
  if (!isShippingConfigured(context.env)) return;
  const { createShipper } = await import('../readers/ship/shipper.ts');
  const start = await createShipper({ folder, env: context.env, again });
  switch (start.kind) {
    case 'invalid':
      return fail(context, exitCodes.badInput, ...start.problems);
    case 'held': {
      const { pid, host, since } = start.by;
      return fail(
        context,
        exitCodes.lockHeld,
        `process ${pid} on ${host} ships run ${found.runId} since ${since}; wait for it`,
      );
    }
    case 'shipping':
      return finish(context, folder, start.shipper, waitMs);
  }
}

async function finish(context: CliContext, folder: RunFolder, shipper: Shipper, waitMs: number): Promise<void> {
  const unsubscribe = context.onSignal(() => void shipper.stop());
  const timer = setInterval(() => context.stderr.write(`${progressText(shipper.status())}\n`), progressEveryMs);
  const drained = await shipper.drain(waitMs);
  clearInterval(timer);
  await shipper.stop();
  unsubscribe();
  const { logs, traces } = shipper.status();
  const refused = logs.refused + logs.rejected + traces.refused + traces.rejected;
  const sent = `sent ${plural(logs.sent, 'log record')} and ${plural(traces.sent, 'span')} of run ${folder.runId}`;
  context.stdout.write(`${sent}${refused === 0 ? '' : `; the backend refused ${formatCount(refused)}`}\n`);
  const notKept = logs.refusedNotKept + traces.refusedNotKept;
  const kept = logs.refused + traces.refused - notKept;
  if (kept > 0) {
    context.stderr.write(
      `what was refused is in ${folder.refusedDir}, with the answers; once the backend takes it: stepspan ship ${folder.runId} --again\n`,
    );
  }
  if (notKept > 0) {
    const again = `once the backend takes them: stepspan ship ${folder.runId} --again`;
    context.stderr.write(
      `${plural(notKept, 'refused record')} could not be written to ${folder.refusedDir}; ${again}\n`,
    );
  }
  // Both signals read the same journal.
  const problem = logs.lastJournalProblem ?? traces.lastJournalProblem;
  if (problem !== undefined) {
    const count = plural(Math.max(logs.journalProblems, traces.journalProblems), 'problem');
    fail(
      context,
      exitCodes.notExecuted,
      `the journal has ${count}, and what could not be read was not sent: ${problem}`,
    );
  }
  if (drained.kind === 'drained') return;
  fail(
    context,
    exitCodes.notExecuted,
    `${drained.message}; try again when the backend is there, or wait longer with --ship-wait`,
  );
}

function progressText({ logs, traces }: ShipperStatus): string {
  const pending = Math.max(logs.pendingSeqs, traces.pendingSeqs);
  const why = logs.lastError ?? traces.lastError;
  return `${formatCount(pending)} lines and events to go${why === undefined ? '' : ` (last error: ${why})`}`;
}
