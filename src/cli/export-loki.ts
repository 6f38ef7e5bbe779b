// What `export --from loki` needs besides an export from the journal: the address of Loki, the run although its journal may be gone,
// and the time in which its lines were printed. Called by export.ts.

import { isRunId, type RunId } from '../core/ids.ts';
import { dataFolder } from '../journal/index.ts';
import { createLokiClient, createLokiSource, type ExportOptions, type RecordSource } from '../readers/export/index.ts';
import { nsOfMs, type RunState, readRunState } from '../runs/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { problemReporter } from './find-run.ts';
import type { FlagValues, Settings } from './settings.ts';

export type LokiSettings = Settings & { readonly lokiUrl: string };

export type LokiRunFound = { readonly runId: RunId; readonly state: RunState | undefined; readonly nowMs: number };

/** A run begins when its id is made; this leaves room for a clock that was set in between. */
const marginMs = 60_000;

/** @returns undefined after reporting what is missing, or what Loki does not have */
export function lokiAccess(context: CliContext, flags: FlagValues): LokiSettings | undefined {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return undefined;
  const { lokiUrl } = settings;
  if (lokiUrl === undefined) {
    return fail(
      context,
      exitCodes.badInput,
      '--from loki: the address of Loki is not set; set STEPSPAN_LOKI_URL or --loki-url, for example to http://localhost:3100',
    );
  }
  if (flags.format === 'otlp-json' || flags.events === true) {
    const what = flags.events === true ? '--events' : '--format otlp-json';
    return fail(
      context,
      exitCodes.badInput,
      `${what} needs the events of a run, which Loki does not have; leave out --from loki`,
    );
  }
  return { ...settings, lokiUrl };
}

/** The run; one that is no longer kept here is found by its whole id. */
export async function lokiRunOf(
  run: string,
  settings: LokiSettings,
  context: CliContext,
): Promise<LokiRunFound | undefined> {
  const data = dataFolder(settings.dataDir);
  const nowMs = context.now();
  const found = data.findRun(run);
  switch (found.kind) {
    case 'found': {
      const state = await readRunState(data.runDir(found.runId), problemReporter(context)).catch(() => undefined);
      return { runId: found.runId, state, nowMs };
    }
    case 'ambiguous':
      return fail(context, exitCodes.notFound, found.message);
    case 'none':
      if (isRunId(run)) return { runId: run, state: undefined, nowMs };
      return fail(
        context,
        exitCodes.notFound,
        found.message,
        'For a run that is no longer kept here, give the whole id.',
      );
  }
}

/** The source, and a sentence for an export that found no line although it left none out. */
export function lokiSourceOf(
  settings: LokiSettings,
  { runId, state, nowMs }: LokiRunFound,
  options: ExportOptions,
): { readonly source: RecordSource; readonly nothingFound: () => string | undefined } {
  const { steps, streams, severities, from, to } = options;
  const isOver = state?.phase.kind === 'finished';
  const startNs = from?.kind === 'time' ? from.ns : nsOfMs(startMsOf(runId) - marginMs);
  const lastNs = isOver && state !== undefined ? state.lastNs + 1n : nsOfMs(nowMs + marginMs);
  const endNs = to?.kind === 'time' && to.ns < lastNs ? to.ns : lastNs;
  const { lokiUrl: url, lokiTenant: tenant, lokiHeaders: headers = {}, lokiSelector: selector } = settings;
  const client = createLokiClient({ url, tenant, headers });
  const inner = createLokiSource(client, { runId, selector, span: { startNs, endNs }, steps, streams, severities });
  let found = 0;
  return {
    source: {
      async *read(how) {
        for await (const records of inner.read(how)) {
          found += records.length;
          yield records;
        }
      },
    },
    nothingFound() {
      if (found > 0 || steps !== undefined || severities !== undefined || from !== undefined || to !== undefined) {
        return undefined;
      }
      return `Loki has no line of run ${runId}. Was it sent there (stepspan ship ${runId}), has Loki removed it since, and do lokiSelector, here ${selector}, and lokiTenant fit?`;
    },
  };
}

/** An id begins with the time at which it was made, in UTC. */
function startMsOf(runId: RunId): number {
  const [, date, time] = /^(\d{8})-(\d{6})/.exec(runId) ?? ['', '', ''];
  const iso = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`;
  return Date.parse(iso);
}
