// The hub of a data folder: one long-lived process that serves page, API and metrics, and whose supervisor has every run counted, adopted,
// notified about, shipped and archived. Composition only: what each of these does is in the file of its name.
import type { RunId } from '../core/ids.ts';
import type { DataFolder, LockHolder } from '../journal/index.ts';
import { type ArchiveTarget, archiveCursor } from '../readers/archive/index.ts';
import {
  add,
  createMeasure,
  type GaugeSample,
  gauge,
  loadState,
  type Measure,
  metrics,
  saveState,
} from '../readers/measure/index.ts';
import type { NotifySettings } from '../readers/notify/index.ts';
import { isShippingConfigured, readSettings } from '../readers/ship/index.ts';
import { runRules } from '../runs/alerts/catalogue.ts';
import { type AlertSettings, defaultAlerts } from '../runs/alerts/index.ts';
import type { Catalogue } from '../runs/catalogue.ts';
import { createAdoption } from './adopt-run.ts';
import { type ArchiveRuns, createArchiveRuns } from './archive-runs.ts';
import { createRunCounter, type RunCounter } from './count-runs.ts';
import { createHousekeeping, type Housekeeping, type HousekeepingOptions } from './housekeeping.ts';
import { type HttpAnswers, type HttpOptions, type HttpServer, startHttp } from './http-server.ts';
import { lockHub, removeHubRecord, writeHubRecord } from './hub-files.ts';
import { createRunIndexer } from './index-runs.ts';
import { createNotifyRuns, type NotifyRuns } from './notify-runs.ts';
import { catalogueWithAlerts, type LiveSettings, openLive } from './open-live.ts';
import { createPushRests, type PushRests } from './push-rests.ts';
import { createReaderLag, type ReaderLag } from './reader-lag.ts';
import { createSaver, type Saver } from './saver.ts';
import type { LinkAsked } from './session-routes.ts';
import { createShipRuns, type ShipRuns } from './ship-runs.ts';
import { createShippedTotals, type ShippedTotals } from './shipped-totals.ts';
import { type Look, type ReadableRun, type Supervisor, startSupervisor } from './supervisor.ts';
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
  /** Where runs are archived; without it they are kept here alone. */
  readonly archiveTo?: ArchiveTarget | undefined;
  /** Keys of labels of runs that metrics have too. Default: none. */
  readonly metricLabels?: readonly string[];
  readonly retention: HousekeepingOptions['retention'];
  /** Takes one line for people at a time. */
  readonly log: (line: string) => void;
  /** How often it looks at the runs and at the disk; for tests. */
  readonly everyMs?: { readonly look?: number; readonly housekeeping?: number };
};

export type Hub = {
  readonly url: string;
  readonly port: number;
  /** A link to the page that signs in its reader; undefined if no page is served. */
  readonly link: (asked?: LinkAsked) => string | undefined;
  /** Saves what was counted, stops shippers within a bound, releases the lock. */
  readonly stop: () => Promise<void>;
};

export type HubStart =
  | { readonly kind: 'started'; readonly hub: Hub }
  /** Another hub looks after this data folder. */
  | { readonly kind: 'held'; readonly by: LockHolder; readonly message: string }
  | { readonly kind: 'failed'; readonly problems: readonly string[] };

/** New runs are seen by fs.watch; this is for file systems without it, and for a stepspan that is killed, which nothing reports. */
const lookEveryMs = 2_000;
const housekeepingEveryMs = 60_000;
/** What a crash makes the next hub read again, if nobody scrapes. */
const saveEveryMs = 30_000;

/**
 * A hub that is new to a data folder counts the active runs and those of the last day. Older ones would all show as
 * an increase of now. A hub that comes back counts whatever it has not, however old.
 */
const countedBeforeMs = 24 * 3_600_000;

export async function startHub(options: HubOptions): Promise<HubStart> {
  const { data, env } = options;
  const shipSettings = readSettings(env);
  const ships = options.ship && isShippingConfigured(env);
  if (ships && !shipSettings.ok) return { kind: 'failed', problems: shipSettings.problems };
  const catalogue = catalogueWithAlerts(data, alertSettings(options));
  const live = openLive(options.live, { ...options, catalogue });
  if (!live.ok) return { kind: 'failed', problems: live.problems };
  const lock = lockHub(data);
  if (lock.kind === 'held') {
    const { pid, host, since } = lock.by;
    const message = `Process ${pid} on ${host} is the hub of ${data.root} since ${since}. Use it, stop it, or give another --data-dir.`;
    return { kind: 'held', by: lock.by, message };
  }
  const parts = createParts(options, ships, catalogue);
  const http = await startHttp({ ...options, live: live.live }, answersOf(options, parts, catalogue));
  if (http.kind === 'failed') {
    lock.release();
    return { kind: 'failed', problems: [http.message] };
  }
  parts.server = http;
  const notifier = notifierOf(options, parts, catalogue, http.url);
  parts.notifier = notifier;
  const { url, host, port } = http;
  writeHubRecord(data, { url, host, port, version: options.version, notifies: notifier !== undefined });
  await catalogue.load();
  const supervisor = supervise(options, parts, catalogue);
  parts.supervisor = supervisor;

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    parts.stopping.abort();
    const { counter, pushRests, shipper, archiver, shipped, saver } = parts;
    const readers = [counter, pushRests, shipper, archiver, notifier];
    await Promise.all([supervisor.stop(), http.close(), ...readers.map((reader) => reader?.stop())]);
    await shipped.look(data.listRunIds(), Date.now(), data.listRunIds());
    await saver.save();
    catalogue.save();
    removeHubRecord(data);
    lock.release();
  };
  return {
    kind: 'started',
    hub: {
      url,
      port,
      link: http.link,
      stop() {
        stopped ??= stop();
        return stopped;
      },
    },
  };
}

/** One decision about alerts for what is shown, counted and sent. */
function alertSettings({ live, notify }: HubOptions): AlertSettings {
  return live?.alerts ?? notify?.alerts ?? defaultAlerts();
}

type Parts = {
  readonly measure: Measure;
  readonly startedMs: number;
  readonly stopping: AbortController;
  /** Counts and logs an error that the hub survives. */
  readonly failed: (task: string, what: string, error: unknown) => void;
  readonly failedRun: (task: string) => (runId: RunId, error: unknown) => void;
  readonly saver: Saver;
  readonly counter: RunCounter;
  readonly shipper: ShipRuns | undefined;
  readonly archiver: ArchiveRuns | undefined;
  readonly shipped: ShippedTotals;
  readonly pushRests: PushRests;
  readonly readerLag: ReaderLag;
  readonly tailMetrics: ReturnType<typeof createTailMetrics>;
  readonly housekeeping: Housekeeping;
  /** What needs the address of the server, and is there once it listens. */
  server?: HttpServer;
  notifier?: NotifyRuns | undefined;
  supervisor?: Supervisor;
};

function createParts(options: HubOptions, ships: boolean, catalogue: Catalogue): Parts {
  const { data, log, version } = options;
  const { endedRunOf, markArchived } = catalogue;
  const startedMs = Date.now();
  const loaded = loadState(data.hub.metrics);
  if (loaded.kind === 'unusable') {
    log(
      `The counters of ${data.hub.metrics} cannot be used (${loaded.reason}); they start at 0. It was moved to ${loaded.movedTo}.`,
    );
  }
  const stored = loaded.kind === 'found' ? loaded.stored : undefined;
  const measure = createMeasure({
    scope: 'hub',
    version,
    sinceMs: startedMs - countedBeforeMs,
    stored,
    labels: options.metricLabels ?? [],
  });
  // These two exist at 0 before anything is removed; a reader of another kind gets its series with its first cursor.
  for (const reader of ['ship-logs', 'ship-traces', ...expectedReaders(options)])
    measure.apply(add(metrics.removedUnread, { reader }, 0));
  const stopping = new AbortController();
  const failed: Parts['failed'] = (task, what, error) => {
    measure.apply(add(metrics.hubErrors, { task }));
    log(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  };
  const failedRun: Parts['failedRun'] = (task) => (runId, error) => failed(task, `run ${runId}, ${task}`, error);
  const shipped = createShippedTotals(data, measure);
  return {
    measure,
    startedMs,
    stopping,
    failed,
    failedRun,
    saver: createSaver({
      version: measure.version,
      save: () => saveState(data.hub.metrics, measure.stored()),
      onError: (error) => failed('save', `saving ${data.hub.metrics}`, error),
    }),
    counter: createRunCounter({ data, measure, endedRunOf, sinceMs: measure.sinceMs, onError: failedRun('follow') }),
    shipper: ships
      ? createShipRuns({ data, env: options.env, onShipped: shipped.expect, onError: failedRun('ship') })
      : undefined,
    archiver:
      options.archiveTo === undefined
        ? undefined
        : createArchiveRuns({ data, target: options.archiveTo, measure, onError: failedRun('archive') }),
    shipped,
    pushRests: createPushRests({
      data,
      env: options.ship ? options.env : {},
      version,
      metricLabels: options.metricLabels,
      onError: failedRun('push'),
    }),
    readerLag: createReaderLag(data, catalogue, [
      ...(ships ? ['ship-logs', 'ship-traces'] : []),
      ...expectedReaders(options),
    ]),
    tailMetrics: createTailMetrics(measure),
    housekeeping: createHousekeeping({
      ...options,
      readers: expectedReaders(options),
      measure,
      signal: stopping.signal,
      everyMs: options.everyMs?.housekeeping ?? housekeepingEveryMs,
      onArchived: markArchived,
      onError: (task, error) => failed(task, task, error),
    }),
  };
}

/** Besides the shippers: they are to have every run, also one that they have not begun. */
function expectedReaders({ archiveTo }: HubOptions): readonly string[] {
  return archiveTo === undefined ? [] : [archiveCursor];
}

function notifierOf(
  { data, notify }: HubOptions,
  { measure, failedRun }: Parts,
  catalogue: Catalogue,
  url: string,
): NotifyRuns | undefined {
  if (notify === undefined) return undefined;
  // If nobody said how people reach the hub, the address of this machine is better than none.
  const settings = { ...notify, hubUrl: notify.hubUrl ?? url };
  return createNotifyRuns({ data, settings, measure, catalogue, onError: failedRun('notify') });
}

function answersOf(options: HubOptions, parts: Parts, catalogue: Catalogue): HttpAnswers {
  const { data, version } = options;
  const { measure, shipped, saver } = parts;
  const gauges = async (): Promise<readonly GaugeSample[]> => {
    const runs = (await parts.supervisor?.readable()) ?? [];
    return [
      ...ownGauges(),
      ...(await alertGauges(alertSettings(options), catalogue, runs)),
      ...(await parts.readerLag.gauges(runs, Date.now())),
    ];
  };
  const ownGauges = (): readonly GaugeSample[] => [
    gauge(metrics.hubStart, {}, parts.startedMs / 1000),
    gauge(metrics.storedRuns, {}, data.listRunIds().length),
    gauge(metrics.uncountedRuns, {}, (parts.supervisor?.unexaminedCount() ?? 0) + parts.counter.uncounted()),
    ...parts.housekeeping.gauges(),
    ...parts.tailMetrics(parts.server?.tail()),
    ...(parts.notifier?.gauges() ?? [gauge(metrics.alertsWaiting, {}, 0)]),
    ...(parts.shipper?.gauges() ?? [gauge(metrics.shippingRuns, {}, 0), gauge(metrics.waitingRuns, {}, 0)]),
  ];
  return {
    async metrics(format, isScraper) {
      const now = await gauges();
      // After the gauges: if they say that nothing is left to ship, all of it was counted.
      await shipped.catchUp(Date.now(), activeRuns(parts));
      const scrape = await measure.scrape(format, now);
      // Only what is saved is shown: a counter that a crash took back would look like a new one to Prometheus.
      await saver.save();
      if (isScraper) scrape.seen();
      return scrape;
    },
    health: () => ({
      status: 'ok',
      version,
      pid: process.pid,
      activeRuns: parts.supervisor?.liveCount() ?? 0,
    }),
    about: (url) =>
      `stepspan ${version}, the hub of ${data.root}\n\n${url}/metrics  for Prometheus, OpenMetrics with exemplars when asked for\n${url}/healthz  whether it runs`,
  };
}

/** Runs that are shipped now, by the hub or by themselves. */
function activeRuns({ supervisor, shipper }: Parts): readonly RunId[] {
  return [...(supervisor?.live() ?? []), ...(shipper?.shipping() ?? [])];
}

/** Every rule has a series at 0. */
async function alertGauges(
  { rules }: AlertSettings,
  catalogue: Catalogue,
  runs: readonly ReadableRun[],
): Promise<readonly GaugeSample[]> {
  const firing = await catalogue.firingAlerts(runs);
  return [
    ...Object.values(runRules).map(({ name, severity }) =>
      gauge(metrics.alertsFiring, { rule: name, severity: rules[name]?.severity ?? severity }, 0),
    ),
    ...firing.map(({ rule, severity }) => gauge(metrics.alertsFiring, { rule, severity }, 1)),
  ];
}

/** The order of the tasks matters: a run is counted before it is shipped, and before retention removes it. */
function supervise(options: HubOptions, parts: Parts, catalogue: Catalogue): Supervisor {
  const { data, log, everyMs } = options;
  const { measure, counter, notifier, pushRests, shipped, shipper, archiver, housekeeping, saver } = parts;
  const { failed, failedRun } = parts;
  let saved = performance.now();
  const supervisor: Supervisor = startSupervisor({
    data,
    everyMs: everyMs?.look ?? lookEveryMs,
    knownEnd: catalogue.archivedEnd,
    onFound: catalogue.confirm,
    onUnreadable: failedRun('follow'),
    onTaskError: (task, error) => failed(task, task, error),
    tasks: [
      counter,
      createAdoption({
        data,
        measure,
        examine: (runId) => supervisor.examine(runId),
        log,
        onError: failedRun('adopt'),
      }),
      ...(notifier === undefined ? [] : [notifier]),
      pushRests,
      // Before anything is shipped: of an old run only what is shipped from now on counts.
      {
        name: 'ship',
        look({ runs, nowMs, settle }) {
          for (const { runId, kind } of runs) if (kind === 'ended') settle(runId);
          return shipped.look(data.listRunIds(), nowMs, activeRuns(parts));
        },
      },
      ...(shipper === undefined ? [] : [shipper]),
      // Before retention, which counts what the archive does not have.
      ...(archiver === undefined ? [] : [archiver]),
      // Before housekeeping, which notes of a known run that it is archived.
      { name: 'remember', look: (look) => rememberEnded(look, catalogue, parts.stopping.signal) },
      housekeeping,
      createRunIndexer({
        data,
        archive: options.archive,
        isArchived: (runId) => catalogue.archivedEnd(runId) !== undefined,
        signal: parts.stopping.signal,
      }),
      {
        name: 'save',
        async look({ runs, settle }) {
          for (const { runId, kind } of runs) if (kind === 'ended') settle(runId);
          catalogue.save();
          if (performance.now() - saved < saveEveryMs) return;
          await saver.save();
          saved = performance.now();
        },
      },
    ],
  });
  return supervisor;
}

/** So many at a time, so that a hub that is stopped does not read all of them first. */
const rememberedAtOnce = 50;

async function rememberEnded(
  { runs, settle }: Look,
  catalogue: Pick<Catalogue, 'rememberEnded'>,
  signal: AbortSignal,
): Promise<void> {
  const ended = runs.flatMap(({ runId, kind }) => (kind === 'ended' ? [runId] : []));
  for (let at = 0; at < ended.length && !signal.aborted; at += rememberedAtOnce) {
    const some = ended.slice(at, at + rememberedAtOnce);
    await catalogue.rememberEnded(some);
    for (const runId of some) settle(runId);
  }
}
