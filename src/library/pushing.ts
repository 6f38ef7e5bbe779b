// Whether a run sends its metrics over OTLP: if OTEL_METRICS_EXPORTER asks for it, for runs that nobody can scrape. Not while a hub
// looks after the data folder: it counts the run itself. Called by run-workflow.ts and by `stepspan ship`; what sends is loaded
// only then.
import type { RunId } from '../core/ids.ts';
import { runningHub } from '../hub/hub-files.ts';
import type { Pushing } from '../hub/push-run.ts';
import { type DataFolder, type JournalReader, openJournal } from '../journal/index.ts';
import { readMetricSettings } from '../readers/ship/index.ts';
import type { EndWait, RunSettings } from './settings.ts';
import { version } from './version.ts';

const off: Pushing = { finish: async () => '' };

/**
 * @param reader the journal of the run, which has just begun
 * @param resumedFrom the run that it continues: if that one was killed, the end of its metrics was not sent
 */
export async function startPushing(
  data: DataFolder,
  { env, ship, metricLabels }: Pick<RunSettings, 'env' | 'ship' | 'metricLabels'>,
  reader: JournalReader,
  resumedFrom: RunId | undefined,
): Promise<Pushing> {
  const settings = readMetricSettings(env);
  if (ship === 'off' || settings.kind !== 'on' || runningHub(data) !== undefined) return off;
  const { pushRest, pushRun } = await import('../hub/push-run.ts');
  const context = { env, metricLabels, version };
  const pushing = await pushRun(reader, { ...settings, ...context });
  if (resumedFrom === undefined) return pushing;
  return {
    async finish(wait) {
      const earlier = pushRest(openJournal(data.runDir(resumedFrom)), context, wait, false);
      const notes = await Promise.all([earlier, pushing.finish(wait)]);
      return notes.filter((note) => note !== '').join('; ');
    },
  };
}

/** As `pushRest` of the hub, by this stepspan. */
export async function sendRest(
  reader: JournalReader,
  settings: Pick<RunSettings, 'env'> & Partial<Pick<RunSettings, 'metricLabels'>>,
  wait: EndWait,
  again: boolean,
): Promise<string> {
  if (readMetricSettings(settings.env).kind !== 'on') return '';
  const { pushRest } = await import('../hub/push-run.ts');
  return pushRest(reader, { metricLabels: undefined, ...settings, version }, wait, again);
}
