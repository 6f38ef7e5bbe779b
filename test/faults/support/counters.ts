// Holds what stepspan counts of its shipping to what the far side has and to what lies aside. The figures are taken as a hub takes them,
// out of what /metrics would say; where a hub runs, its own are given. Injects nothing.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createShippedTotals } from '../../../src/hub/shipped-totals.ts';
import type { DataFolder } from '../../../src/journal/index.ts';
import { createMeasure } from '../../../src/readers/measure/index.ts';
import { readScrape, type Scraped } from '../../readers/measure/scraped.ts';
import { spansIn } from '../../readers/ship/support/json.ts';
import type { OtlpServer } from '../../readers/ship/support/otlp-server.ts';
import type { DecodedLog } from '../../readers/ship/support/protobuf.ts';

/** What a hub that is new to the data folder would say that was shipped of its runs. */
export async function scrapeShipped(data: DataFolder): Promise<Scraped> {
  const measure = createMeasure({ scope: 'hub', version: 'test', sinceMs: 0, stored: undefined });
  await createShippedTotals(data, measure).look(data.listRunIds(), Date.now());
  // A new series is at 0 until one scrape has seen it.
  (await measure.scrape('text')).seen();
  return readScrape((await measure.scrape('text')).text);
}

/** Records that are kept aside, by signal, over all runs. */
export function keptAside(data: DataFolder, signal: 'logs' | 'traces'): number {
  return data
    .listRunIds()
    .map((runId) => path.join(data.runDir(runId).refusedDir, `${signal}.ndjson`))
    .filter((file) => existsSync(file))
    .reduce((sum, file) => sum + readFileSync(file, 'utf8').trimEnd().split('\n').length, 0);
}

/** Log records that the far side has, each once however often it came: records of lines and of events. */
export function distinctLogs({ logs, events }: Pick<OtlpServer, 'logs' | 'events'>): number {
  const identity = ({ resource, timeNs, body, attributes }: DecodedLog): string =>
    JSON.stringify([resource, timeNs, body, attributes], (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
  return new Set([...logs, ...events].map(identity)).size;
}

/** Spans that the far side has, each once. */
export function distinctSpans({ traces }: Pick<OtlpServer, 'traces'>): number {
  return new Set(traces.flatMap(spansIn).map(({ id }) => id)).size;
}

/**
 * Each record counts once as sent, however often it had to go, and each that lies aside as refused.
 * @param rejected what the far side said that it left out of requests that it took, by signal
 * @returns what does not agree, in words
 */
export function countedWrongly(
  scraped: Scraped,
  data: DataFolder,
  server: Pick<OtlpServer, 'logs' | 'events' | 'traces'>,
  rejected: Readonly<Record<'logs' | 'traces', number>> = { logs: 0, traces: 0 },
): readonly string[] {
  const arrived = { logs: distinctLogs(server), traces: distinctSpans(server) };
  return (['logs', 'traces'] as const).flatMap((signal) => {
    const of = (what: string): number => scraped.sum(`stepspan_shipper_${what}_records_total`, { signal });
    const wanted = { sent: arrived[signal], refused: keptAside(data, signal), rejected: rejected[signal] };
    return Object.entries(wanted)
      .filter(([what, count]) => of(what) !== count)
      .map(([what, count]) => `${signal}: ${of(what)} are counted as ${what}, and ${count} are`);
  });
}
