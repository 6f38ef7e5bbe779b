// The server of one run, in the process that runs it: its metrics if a port was set, and the live page if no hub shows
// it already. A port that is taken is reported, and the run continues: all of it is in the journal for the hub.
import type { HubRecord, MetricsServer } from '../hub/index.ts';
import { type DataFolder, dataFolder } from '../journal/index.ts';
import { type StartedRun, version } from '../library/index.ts';
import type { CliContext } from './context.ts';
import { askHubLink } from './hub-link.ts';
import { liveSettings } from './live-settings.ts';
import { bindsLinks, openBrowser } from './open-browser.ts';
import type { Settings } from './settings.ts';

export type ServeRunFlags = {
  /** Undefined if it was not given: then only for people at a terminal. */
  readonly serve?: boolean;
  readonly quiet?: boolean;
  /** Opens the page in a browser. */
  readonly open?: boolean;
};

export type ServedRun = {
  readonly server: MetricsServer | undefined;
  /** Whether a browser was opened on the page of this very process, so that it is looked at after the run as well. */
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
  // Loaded here, as express and prom-client would take a fifth of a second from every command.
  const { runningHub, serveMetrics } = await import('../hub/index.ts');
  const data = dataFolder(settings.dataDir);
  const hub = wantsPage ? runningHub(data) : undefined;
  if (hub !== undefined) await showAtHub(context, data, hub, run, flags);
  const page = wantsPage && hub === undefined;
  if (!page && settings.metricsPort === undefined) return nothing;
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

/** A hub keeps showing the run after its end, so nothing of this process has to stay. */
async function showAtHub(
  context: CliContext,
  data: DataFolder,
  hub: HubRecord,
  { runId }: StartedRun,
  flags: ServeRunFlags,
): Promise<void> {
  const link = await askHubLink(data, hub, { runId });
  // A hub that is busy has the page all the same, for browsers that have signed in.
  say(context, `watch this run at ${link.ok ? link.url : `${hub.url}/#/runs/${runId}`}`);
  if (flags.open !== true) return;
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
