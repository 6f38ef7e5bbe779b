// The hub of a data folder: one long-lived process that measures every run, ships what is not shipped, adopts runs whose
// wrapper died, and keeps the folder small. Composition only: what each of these does is in the file of its name.
import type { RunId } from '../core/ids.ts';
import type { DataFolder, LockHolder } from '../journal/index.ts';
import {
  add,
  createMeasure,
  type GaugeSample,
  gauge,
  loadState,
  metrics,
  saveState,
} from '../readers/measure/index.ts';
import type { NotifySettings } from '../readers/notify/index.ts';
import { isShippingConfigured, readSettings } from '../readers/ship/index.ts';
import { adoptRun } from './adopt-run.ts';
import { createFollowers } from './follow-runs.ts';
import { createHousekeeping, type HousekeepingOptions } from './housekeeping.ts';
import { type HttpOptions, type HttpServer, startHttp } from './http-server.ts';
import { lockHub, removeHubRecord, writeHubRecord } from './hub-files.ts';
import { createNotifyRuns, type NotifyRuns } from './notify-runs.ts';
import { type LiveSettings, openLive } from './open-live.ts';
import { createReaderLag } from './reader-lag.ts';
import { watchRuns } from './runs-watch.ts';
import { createSaver } from './saver.ts';
import type { LinkAsked } from './session-routes.ts';
import { createShipRuns } from './ship-runs.ts';
import { createShippedTotals } from './shipped-totals.ts';
import { createTailMetrics } from './tail-metrics.ts';

export type HubOptions = Omit<HttpOptions, 'live'> & {
  /** Page, API and tail; without it only metrics are served. */
  readonly live?: LiveSettings;
  readonly data: DataFolder;
  /** Where the OTEL_* settings are taken from. */
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** False: never ships, whatever the environment says. */
  readonly ship: boolean;
  /** Where alerts of runs go; without it none are sent. */
  readonly notify?: NotifySettings | undefined;
  readonly archive: boolean;
  readonly retention: HousekeepingOptions['retention'];
  /** Takes one line for people at a time. */
  readonly log: (line: string) => void;
  /** How often it looks at the runs and at the disk; for tests. */
  readonly everyMs?: { readonly look?: number; readonly housekeeping?: number };
};

export type Hub = {
  readonly url: string;
  readonly port: number;
  /** A link to the page that signs in whoever opens it; undefined where no page is served. */
  readonly link: (asked?: LinkAsked) => string | undefined;
  /** Saves what was counted, stops shippers within a bound, gives the lock back. */
  readonly stop: () => Promise<void>;
};

export type HubStart =
  | { readonly kind: 'started'; readonly hub: Hub }
  /** Another hub looks after this data folder. */
  | { readonly kind: 'held'; readonly by: LockHolder; readonly message: string }
  | { readonly kind: 'failed'; readonly problems: readonly string[] };

/** New runs are seen by fs.watch; this is for file systems without, and for wrappers that die, which nothing tells of. */
const lookEveryMs = 2_000;
const housekeepingEveryMs = 60_000;
/** What a crash makes the next hub read again, where nobody scrapes. */
const saveEveryMs = 30_000;

/**
 * A hub that is new to a data folder counts the runs of the last day, and those that go on. Older ones would all show as
 * an increase of now. A hub that comes back counts whatever it has not, however old.
 */
export const countedBeforeMs = 24 * 3_600_000;

export async function startHub(options: HubOptions): Promise<HubStart> {
  const { data, log } = options;
  const shipSettings = readSettings(options.env);
  const ships = options.ship && isShippingConfigured(options.env);
  if (ships && !shipSettings.ok) return { kind: 'failed', problems: shipSettings.problems };
  const live = openLive(options.live, options);
  if (!live.ok) return { kind: 'failed', problems: live.problems };
  const lock = lockHub(data);
  if (lock.kind === 'held') {
    const { pid, host, since } = lock.by;
    const message = `Process ${pid} on ${host} is the hub of ${data.root} since ${since}. Use it, stop it, or give another --data-dir.`;
    return { kind: 'held', by: lock.by, message };
  }

  const startedMs = Date.now();
  const loaded = loadState(data.hub.metrics);
  if (loaded.kind === 'unusable') {
    log(
      `The counters of ${data.hub.metrics} cannot be used (${loaded.reason}); they start at 0. It was moved to ${loaded.movedTo}.`,
    );
  }
  const measure = createMeasure({
    scope: 'hub',
    version: options.version,
    sinceMs: startedMs - countedBeforeMs,
    stored: loaded.kind === 'found' ? loaded.stored : undefined,
  });
  // There at 0 before anything is removed; a reader of another kind gets its series when it first has a cursor to lose.
  for (const signal of ['logs', 'traces']) measure.apply(add(metrics.removedUnread, { reader: `ship-${signal}` }, 0));
  const stopping = new AbortController();
  const failed = (task: string, what: string, error: Error): void => {
    measure.apply(add(metrics.hubErrors, { task }));
    log(`${what}: ${error.message}`);
  };
  const ofRun = (task: string) => (runId: RunId, error: Error) => failed(task, `run ${runId}, ${task}`, error);
  const saver = createSaver({
    version: measure.version,
    save: () => saveState(data.hub.metrics, measure.stored()),
    onError: (error) => failed('save', `saving ${data.hub.metrics}`, error),
  });
  const followers = createFollowers({ data, measure, sinceMs: measure.sinceMs, onError: ofRun('follow') });
  const shipper = ships ? createShipRuns({ data, env: options.env, onError: ofRun('ship') }) : undefined;
  const shipped = createShippedTotals(data, measure);
  const readerLag = createReaderLag(data, ships);
  const tailMetrics = createTailMetrics(measure);
  let server: HttpServer | undefined;
  const housekeeping = createHousekeeping({
    ...options,
    measure,
    signal: stopping.signal,
    onError: (task, error) => failed(task, task, error),
  });

  let notifier: NotifyRuns | undefined;
  const gauges = async (): Promise<readonly GaugeSample[]> => [
    gauge(metrics.hubStart, {}, startedMs / 1000),
    gauge(metrics.storedRuns, {}, data.listRunIds().length),
    ...housekeeping.gauges(),
    ...tailMetrics(server?.tail()),
    ...(notifier?.gauges() ?? [gauge(metrics.alertsWaiting, {}, 0)]),
    ...(shipper?.gauges() ?? [gauge(metrics.shippingRuns, {}, 0), gauge(metrics.waitingRuns, {}, 0)]),
    ...(await readerLag.gauges(data.listRunIds(), Date.now())),
  ];

  const http = await startHttp(
    { ...options, live: live.live },
    {
      async metrics(format, isScraper) {
        const now = await gauges();
        // After the gauges: where they say that nothing is left to ship, all of it was counted.
        shipped.look(data.listRunIds(), Date.now());
        const scrape = await measure.scrape(format, now);
        // Nothing is shown that is not kept: a counter that a crash took back would look like a new one to Prometheus.
        await saver.save();
        if (isScraper) scrape.seen();
        return scrape;
      },
      health: () => ({
        status: 'ok',
        version: options.version,
        pid: process.pid,
        activeRuns: followers.active().length,
      }),
      about: (url) =>
        `stepspan ${options.version}, the hub of ${data.root}\n\n${url}/metrics  for Prometheus, OpenMetrics with exemplars when asked for\n${url}/healthz  whether it runs`,
    },
  );
  if (http.kind === 'failed') {
    lock.release();
    return { kind: 'failed', problems: [http.message] };
  }
  server = http;
  if (options.notify !== undefined) {
    // Where nobody said how people reach it, the address of this machine is better than none.
    const settings = { ...options.notify, hubUrl: options.notify.hubUrl ?? http.url };
    notifier = createNotifyRuns({ data, settings, measure, onError: ofRun('notify') });
  }
  const { url, host, port } = http;
  writeHubRecord(data, { url, host, port, version: options.version, notifies: notifier !== undefined });

  /** Not tried again in this life, nor told again. */
  const unadoptable = new Set<RunId>();
  async function adopt(runId: RunId): Promise<void> {
    if (unadoptable.has(runId)) return;
    const adoption = await adoptRun(data.runDir(runId));
    if (adoption.kind === 'unreadable') {
      unadoptable.add(runId);
      ofRun('adopt')(runId, new Error(adoption.message));
    }
    if (adoption.kind !== 'adopted') return;
    measure.apply(add(metrics.adoptedRuns, {}));
    const { processes, survivors } = adoption;
    const ended = processes === 0 ? '' : `, ${processes} of its processes were still there and were ended`;
    log(`run ${runId}: its wrapper has died; recorded as abandoned${ended}`);
    for (const pid of survivors) log(`run ${runId}: process ${pid} could not be ended`);
  }

  let kept = Number.NEGATIVE_INFINITY;
  let saved = performance.now();
  const watch = watchRuns(data.runsDir, options.everyMs?.look ?? lookEveryMs, async () => {
    const runIds = data.listRunIds();
    measure.keepOnly(new Set(runIds));
    followers.look(runIds);
    await followers.caughtUp();
    for (const runId of followers.active()) if (!stopping.signal.aborted) await adopt(runId);
    await notifier?.look(runIds, Date.now());
    // Before anything is shipped: of an old run only what comes from now on counts.
    shipped.look(runIds, Date.now());
    await shipper?.look(runIds, Date.now());
    // After all runs were counted: what retention removes cannot be counted any more.
    if (performance.now() - kept >= (options.everyMs?.housekeeping ?? housekeepingEveryMs)) {
      await housekeeping.run(Date.now());
      kept = performance.now();
    }
    if (performance.now() - saved >= saveEveryMs) {
      await saver.save();
      saved = performance.now();
    }
  });

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all([watch.stop(), http.close(), followers.stop(), shipper?.stop(), notifier?.stop()]);
    shipped.look(data.listRunIds(), Date.now());
    await saver.save();
    removeHubRecord(data);
    lock.release();
  };
  return {
    kind: 'started',
    hub: {
      url: http.url,
      port: http.port,
      link: http.link,
      stop() {
        stopped ??= stop();
        return stopped;
      },
    },
  };
}
