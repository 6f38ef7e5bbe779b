// The server of one run, in the process that runs it: its metrics where a port was set, and the live page where no hub shows
// it already. A port that cannot be had is told, and the run goes on: all of it is in the journal for the hub.
import type { MetricsServer } from '../hub/index.ts';
import { dataFolder } from '../journal/index.ts';
import { type StartedRun, version } from '../library/index.ts';
import type { CliContext } from './context.ts';
import { liveSettings } from './live-settings.ts';
import type { Settings } from './settings.ts';

export type ServeRunFlags = {
  /** Undefined where nobody said: then only for people at a terminal. */
  readonly serve?: boolean;
  readonly quiet?: boolean;
};

export async function serveRun(
  context: CliContext,
  settings: Settings,
  run: StartedRun,
  flags: ServeRunFlags,
): Promise<MetricsServer | undefined> {
  const wantsPage = flags.serve ?? (context.stdout.isTTY === true && flags.quiet !== true);
  if (!wantsPage && settings.metricsPort === undefined) return undefined;
  // Loaded here, as express and prom-client would take a fifth of a second from every command.
  const { runningHub, serveMetrics } = await import('../hub/index.ts');
  const data = dataFolder(settings.dataDir);
  const hub = wantsPage ? runningHub(data) : undefined;
  if (hub !== undefined) context.stderr.write(`stepspan: watch this run at ${hub.url}/#/runs/${run.runId}\n`);
  const page = wantsPage && hub === undefined;
  if (!page && settings.metricsPort === undefined) return undefined;
  const start = await serveMetrics({
    shipperStatus: run.shipperStatus,
    reader: run.journal,
    version,
    host: settings.hubHost,
    // A free one, so that neither a hub that is started meanwhile nor another run finds its port taken.
    port: settings.metricsPort ?? 0,
    ...(page ? { live: { settings: liveSettings(context, settings, []), data, env: context.env } } : {}),
  });
  if (start.kind === 'failed') {
    context.stderr.write(`stepspan: ${page ? 'no live page is' : 'no metrics are'} served: ${start.message}\n`);
    return undefined;
  }
  const { server } = start;
  const link = server.link();
  if (link !== undefined) context.stderr.write(`stepspan: watch this run at ${link}\n`);
  if (settings.metricsPort !== undefined)
    context.stderr.write(`stepspan: metrics of this run at ${server.url}/metrics\n`);
  return server;
}
