// Metrics of one run, served by its own process (`run --metrics-port`): the same as a hub's, without what is about a whole
// data folder, and without memory over restarts, as the run has but one life.
import type { DataFolder, JournalReader } from '../journal/index.ts';
import { add, createMeasure, type GaugeSample, gauge, metrics } from '../readers/measure/index.ts';
import { type ShipperStatus, savedCounted } from '../readers/ship/index.ts';
import { type HttpOptions, type HttpServer, startHttp } from './http-server.ts';
import { type LiveSettings, openLive } from './open-live.ts';
import type { LinkAsked } from './session-routes.ts';
import { createTailMetrics } from './tail-metrics.ts';

export type ServeMetricsOptions = Omit<HttpOptions, 'live'> & {
  /** Page, API and tail of the data folder besides; `env` is what runs are started with. */
  readonly live?: { readonly settings: LiveSettings; readonly data: DataFolder; readonly env: NodeJS.ProcessEnv };
  /** Of the run; give it the writer's `onAppend`, and it is never late. */
  readonly reader: JournalReader;
  readonly version: string;
  /** Keys of labels of the run that its metrics have too. Default: none. */
  readonly metricLabels?: readonly string[];
  /** How far the run's own shipper is; left out if nothing is shipped. */
  readonly shipperStatus?: () => ShipperStatus | undefined;
};

export type MetricsServer = {
  readonly url: string;
  readonly port: number;
  /** A link to the run on the page that signs in its reader; undefined if no page is served. */
  readonly link: (asked?: Omit<LinkAsked, 'runId'>) => string | undefined;
  /** Whether anybody has watched over the page or another client. */
  readonly wasWatched: () => boolean;
  /**
   * Ends it. The last values of a run that ends between two scrapes are never seen, unless it waits for them.
   * @param waitMs how long to wait for a scrape that has had everything, if anybody has scraped at all; 0 does not wait
   */
  readonly close: (waitMs?: number) => Promise<void>;
};

export type MetricsStart =
  | { readonly kind: 'started'; readonly server: MetricsServer }
  | { readonly kind: 'failed'; readonly message: string };

/** A watcher gets the end of a run within milliseconds; one on a slow line, or on a busy machine, has this long. */
const lastWordsMs = 5_000;

export async function serveMetrics(options: ServeMetricsOptions): Promise<MetricsStart> {
  const { reader, live } = options;
  const opened =
    live === undefined ? undefined : openLive(live.settings, { ...live, version: options.version, ownRun: reader });
  if (opened?.ok === false) return { kind: 'failed', message: opened.problems.join(' ') };
  const { runId } = reader.folder;
  const measure = createMeasure({
    scope: 'run',
    version: options.version,
    sinceMs: 0,
    labels: options.metricLabels ?? [],
  });
  const stopping = new AbortController();
  const tailMetrics = createTailMetrics(measure);
  let server: HttpServer | undefined;
  const completeScrape = Promise.withResolvers<void>();
  let complete = false;
  let scraped = false;

  const http = await startHttp(
    { ...options, live: opened?.live },
    {
      async metrics(format, isScraper) {
        const status = options.shipperStatus?.();
        measure.takeShipped(runId, savedCounted(reader.folder), true);
        const whole = complete;
        const scrape = await measure.scrape(format, [...shipperGauges(status), ...tailMetrics(server?.tail())]);
        if (isScraper) {
          scraped = true;
          // Series that this scrape still sees at 0 are only complete with the next.
          if (whole && scrape.held === 0) completeScrape.resolve();
          scrape.seen();
        }
        return scrape;
      },
      health: () => ({ status: 'ok', version: options.version, pid: process.pid, runId }),
      about: (url) => `stepspan ${options.version}, run ${runId}\n\n${url}/metrics  for Prometheus`,
    },
  );
  if (http.kind === 'failed') return http;
  server = http;

  const follow = async (): Promise<void> => {
    const batches = reader.read({
      from: 0,
      follow: true,
      signal: stopping.signal,
      onProblem: ({ kind }) => measure.apply(add(metrics.journalProblems, { kind })),
    });
    for await (const records of batches) measure.take(runId, records);
    complete = true;
  };
  // If the journal can no longer be read, the metrics stay as they are and the run continues.
  const followed = follow().catch(() => measure.apply(add(metrics.journalProblems, { kind: 'corrupt' })));

  return {
    kind: 'started',
    server: {
      url: http.url,
      port: http.port,
      link: (asked) => http.link({ ...asked, runId }),
      wasWatched: () => (http.tail()?.sentBytes ?? 0) > 0,
      async close(waitMs = 0) {
        // Nobody is waited for who has not come in all the time before.
        if (waitMs > 0 && scraped) {
          const timeUp = new Promise((resolve) => setTimeout(resolve, waitMs));
          await Promise.race([completeScrape.promise, timeUp]);
        }
        // The journal has been whole for a moment only. A page that has not got the end would show an active run for ever.
        await http.sendEnd(runId, lastWordsMs);
        stopping.abort();
        await http.close();
        await followed;
      },
    },
  };
}

function shipperGauges(status: ShipperStatus | undefined): GaugeSample[] {
  return (['logs', 'traces'] as const).flatMap((signal) => [
    gauge(metrics.shipperLag, { signal }, status?.[signal].lagSeconds ?? 0),
    gauge(metrics.shipperPending, { signal }, status?.[signal].pendingSeqs ?? 0),
    ...(status === undefined
      ? []
      : [gauge(metrics.cursorLag, { reader: `ship-${signal}` }, status[signal].pendingSeqs)]),
  ]);
}
