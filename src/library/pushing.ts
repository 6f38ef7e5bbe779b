// Whether a run sends its metrics over OTLP: if OTEL_METRICS_EXPORTER asks for it, for runs that nobody can scrape. Not while a hub
// looks after the data folder: it counts the run itself. Called by run-workflow.ts and by `stepspan ship`; what sends is loaded
// only then.
import { runningHub } from '../hub/hub-files.ts';
import { type DataFolder, type JournalReader, savedPosition } from '../journal/index.ts';
import { readMetricSettings } from '../readers/ship/index.ts';
import type { Pushing } from './push-run.ts';
import type { EndWait, RunSettings } from './settings.ts';

const off: Pushing = { finish: async () => '' };

/** @param reader the journal of the run, which has just begun */
export async function startPushing(
  data: DataFolder,
  { env, ship, metricLabels }: Pick<RunSettings, 'env' | 'ship' | 'metricLabels'>,
  reader: JournalReader,
): Promise<Pushing> {
  const settings = readMetricSettings(env);
  if (ship === 'off' || settings.kind !== 'on' || runningHub(data) !== undefined) return off;
  const { pushRun } = await import('./push-run.ts');
  return pushRun(reader, { ...settings, env, metricLabels });
}

/**
 * Sends the metrics of a run that has ended, if it sends them itself and the last of them were not taken. A hub does not count
 * such a run, and what is sent again is the same sum of the same instance.
 * @param again also if they were taken
 */
export async function pushRest(
  { env, metricLabels }: Pick<RunSettings, 'env'> & Partial<Pick<RunSettings, 'metricLabels'>>,
  reader: JournalReader,
  wait: EndWait,
  again: boolean,
): Promise<string> {
  const settings = readMetricSettings(env);
  if (settings.kind !== 'on') return '';
  const { pushCursor } = await import('../readers/measure/index.ts');
  const sentSeq = savedPosition(reader.folder, pushCursor);
  const { nextSeq } = await reader.head();
  if (sentSeq === undefined || (sentSeq >= nextSeq && !again)) return '';
  const { pushRun } = await import('./push-run.ts');
  return (await pushRun(reader, { ...settings, env, metricLabels })).finish(wait);
}
