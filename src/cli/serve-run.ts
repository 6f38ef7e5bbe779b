// The server of one run, in the process that runs it: its metrics if a port is set, and the live page if no hub shows the run
// already. Called by watch-run.ts. A port that is in use is reported, and the run continues: the hub has all of it from the journal.
import type { RunId } from '../core/ids.ts';
import type { HubRecord, MetricsServer } from '../hub/index.ts';
import { type DataFolder, dataFolder } from '../journal/index.ts';
import { type StartedRun, version } from '../library/index.ts';
import type { CliContext } from './context.ts';
import { askHubLink } from './hub-link.ts';
import { liveSettings } from './live-settings.ts';
import { bindsLinks, openBrowser } from './open-browser.ts';
import type { Settings } from './settings.ts';

export type ServeRunFlags = {
  /** Undefined if the flag is not given: then the page is served only on a terminal. */
  readonly serve?: boolean;
  readonly quiet?: boolean;
  /** Opens the page in a browser. */
  readonly open?: boolean;
};

export type ServedRun = {
  readonly server: MetricsServer | undefined;
  /** Whether a browser was opened on the page of this process, which then has to stay after the run. */
  readonly isOpened: boolean;
};

const nothing: ServedRun = { server: undefined, isOpened: false };

export async function serveRun(
  context: CliContext,
  settings: Settings,
  run: StartedRun,
  flags: ServeRunFlags,
): Promise<ServedRun> {
  const isWatched = context.stdout.isTTY === true && flags.quiet !== true;
  const wantsPage = flags.serve ?? (flags.open === true || isWatched);
  if (!wantsPage && settings.metricsPort === undefined) return nothing;
  // Loaded here, as express and prom-client would cost every command a fifth of a second.
  const { runningHub, serveMetrics } = await import('../hub/index.ts');
  const data = dataFolder(settings.dataDir);
  const hub = wantsPage ? runningHub(data) : undefined;
  if (hub !== undefined) await showAtHub({ context, data, hub, runId: run.runId, isOpened: flags.open === true });
  const page = wantsPage && hub === undefined;
  if (!page && settings.metricsPort === undefined) return nothing;
  const start = await serveMetrics({
    shipperStatus: run.shipperStatus,
    reader: run.journal,
    version,
    metricLabels: settings.metricLabels,
    host: settings.hubHost,
    // A free port, so that it is not in the way of a hub or another run.
    port: settings.metricsPort ?? 0,
    ...(page ? { live: { settings: liveSettings(context, settings, []), data, env: context.env } } : {}),
  });
  if (start.kind === 'failed') {
    say(context, `${page ? 'no live page is' : 'no metrics are'} served: ${start.message}`);
    return nothing;
  }
  const { server } = start;
  const link = server.link();
  if (link !== undefined) say(context, `watch this run at ${link}`);
  if (settings.metricsPort !== undefined) say(context, `metrics of this run at ${server.url}/metrics`);
  const shown = flags.open === true ? server.link({ ownUser: bindsLinks }) : undefined;
  const isOpened = shown !== undefined && (await openOrSay(context, shown));
  if (isOpened) say(context, 'opened it in a browser; it stays there after the run, until Ctrl-C');
  return { server, isOpened };
}

type ShownAtHub = {
  readonly context: CliContext;
  readonly data: DataFolder;
  readonly hub: HubRecord;
  readonly runId: RunId;
  /** Whether a browser is opened on the page. */
  readonly isOpened: boolean;
};

/** A hub shows the run after its end too, so this process does not have to stay. */
async function showAtHub({ context, data, hub, runId, isOpened }: ShownAtHub): Promise<void> {
  const link = await askHubLink(data, hub, { runId });
  // Even if the hub is too busy to make a link, browsers that have signed in can open the page.
  say(context, `watch this run at ${link.ok ? link.url : `${hub.url}/#/runs/${runId}`}`);
  if (!isOpened) return;
  const shown = await askHubLink(data, hub, { runId, ownUser: bindsLinks });
  if (shown.ok) await openOrSay(context, shown.url);
  else say(context, `no browser was opened: ${shown.message}`);
}

async function openOrSay(context: CliContext, link: string): Promise<boolean> {
  const opened = await openBrowser(link, context.env);
  if (opened.kind === 'not_opened') say(context, `no browser was opened: ${opened.why}; open the link yourself`);
  return opened.kind === 'opened';
}

function say(context: CliContext, text: string): void {
  context.stderr.write(`stepspan: ${text}\n`);
}
