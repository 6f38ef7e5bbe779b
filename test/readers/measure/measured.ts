// A measure of one run, and what it shows.
import type { RunId } from '../../../src/core/ids.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import { createMeasure, type Measure, type StoredMeasure } from '../../../src/readers/measure/index.ts';
import { readScrape, type Scraped } from './scraped.ts';

export const runId = '20261123-151402-abc123' as RunId;
export const workflow = 'nightly';

export function newMeasure(stored?: StoredMeasure): Measure {
  return createMeasure({ scope: 'hub', version: '1', sinceMs: 0, stored });
}

/** What is shown once a scrape has seen every series. */
export async function shown(measure: Measure): Promise<Scraped> {
  (await measure.scrape('text')).seen();
  return readScrape((await measure.scrape('text')).text);
}

export async function measured(records: readonly JournalRecord[]): Promise<Scraped> {
  const measure = newMeasure();
  measure.take(runId, records);
  return shown(measure);
}
