// What the HTTP API does to runs: steers them, starts workflows and retries, exports. Each in words that an API can answer.
import { dirname } from 'node:path';
import type { ActionResult, Actions, GivenBudget } from '../api/http/index.ts';
import type { RunId } from '../core/ids.ts';
import type { DataFolder } from '../journal/index.ts';
import { type ExportFormat, exportFormats, exportRun, type OtlpMapper } from '../readers/export/index.ts';
import { type Catalogue, emptyRunState, type RunState, readRunState } from '../runs/index.ts';
import { type RunStarted, type RunStarter, startRun } from './start-run.ts';
import { type Steered, steerRun } from './steer-run.ts';
import type { WorkflowFolders } from './workflow-folders.ts';

export type LiveActionsOptions = {
  readonly data: DataFolder;
  readonly catalogue: Pick<Catalogue, 'readerOf' | 'problemsOf'>;
  readonly folders: WorkflowFolders;
  /** Undefined if no run can be started from here. */
  readonly starter: RunStarter | undefined;
  readonly toOtlp: ((run: RunState) => Promise<OtlpMapper>) | undefined;
};

const by = 'api';

const formats = {
  text: { extension: 'txt', type: 'text/plain; charset=utf-8' },
  ndjson: { extension: 'ndjson', type: 'application/x-ndjson' },
  csv: { extension: 'csv', type: 'text/csv; charset=utf-8' },
  'otlp-json': { extension: 'otlp.json', type: 'application/json' },
} as const satisfies Readonly<Record<ExportFormat, { extension: string; type: string }>>;

export function liveActions({ data, catalogue, folders, starter, toOtlp }: LiveActionsOptions): Actions {
  const steer = async (runId: RunId, request: Parameters<typeof steerRun>[1]): Promise<ActionResult> =>
    resultOf(runId, await steerRun(data.runDir(runId), request));

  const stateOf = async (runId: RunId): Promise<RunState> =>
    (await readRunState(data.runDir(runId), catalogue.problemsOf(runId).note)) ?? emptyRunState();

  return {
    workflows: async () => folders.list(),
    pause: (runId, now) => steer(runId, { verb: 'pause', now, by }),
    resume: (runId) => steer(runId, { verb: 'resume', by }),
    answer: (runId, questionId, answer, from) => steer(runId, { verb: 'answer', questionId, answer, by: from, from }),
    message: (runId, step, text, from) => steer(runId, { verb: 'tell', step, text, by: from, from }),
    interrupt: (runId, step, from) => steer(runId, { verb: 'interrupt', step, by: from, from }),
    cancel: (runId, now) => steer(runId, { verb: 'cancel', now, by }),
    async start(workflow, { params, labels }) {
      const file = folders.find(workflow);
      // One answer for whatever is wrong, so that nobody learns from it which files there are.
      if (file === undefined || starter === undefined) {
        return {
          ok: false,
          status: 404,
          code: 'no_workflow',
          message: 'There is no such workflow in the folders that may be started from.',
          fix: 'GET /api/v1/workflows lists them; `stepspan serve --workflows DIR` allows a folder.',
        };
      }
      const given = Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
      const labelled = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
      return startedOf(await startRun(starter, ['run', file, ...given, ...labelled], dirname(file)));
    },
    async retry(runId, { fromStep, budget, edited }) {
      if (starter === undefined) return cannotStart;
      const state = await stateOf(runId);
      if (state.phase.kind !== 'finished') {
        return {
          ok: false,
          status: 409,
          code: 'not_ended',
          message: `Run ${runId} has not ended.`,
          fix: 'Cancel it first, or wait.',
        };
      }
      // Of an edited file, the process that is started says which steps there are.
      if (fromStep !== undefined && !edited && !state.steps.some(({ id }) => id === fromStep)) {
        const fix = `Its steps are ${state.steps.map(({ id }) => id).join(', ')}.`;
        return { ok: false, status: 400, code: 'no_step', message: 'The run has no such step.', fix };
      }
      // Joined by `=`, so that no id of a step can be taken for a flag.
      const from = fromStep === undefined ? [] : [`--from-step=${fromStep}`];
      return startedOf(
        await startRun(
          starter,
          ['resume', runId, ...from, ...(edited ? ['--edited'] : []), ...budgetFlags(budget)],
          data.root,
        ),
      );
    },
    exportFormats: Object.fromEntries(
      exportFormats
        .filter((format) => format !== 'otlp-json' || toOtlp !== undefined)
        .map((format) => [format, formats[format]]),
    ),
    exportRun: createRunExport({ catalogue, toOtlp }, stateOf),
  };
}

function createRunExport(
  { catalogue, toOtlp }: Pick<LiveActionsOptions, 'catalogue' | 'toOtlp'>,
  stateOf: (runId: RunId) => Promise<RunState>,
): Actions['exportRun'] {
  return async (runId, format, signal) => {
    const reader = catalogue.readerOf(runId);
    const problems = catalogue.problemsOf(runId);
    const source = {
      read: (how: { from: number; signal?: AbortSignal }) => reader.read({ ...how, onProblem: problems.note }),
      seqBefore: reader.seqBefore,
    };
    const isOtlp = format === 'otlp-json' && toOtlp !== undefined;
    const chunks = exportRun(source, {
      runId,
      format: exportFormatOf(format),
      ansi: false,
      events: format !== 'text',
      // As on the command line: the raw protocol is not for people to read.
      ...(format === 'text' ? { streams: ['stdout', 'stderr', 'system'] as const } : {}),
      ...(isOtlp ? { toOtlp: await toOtlp(await stateOf(runId)) } : {}),
      signal,
    });
    return { chunks, problems: problems.sentences };
  };
}

/** The API has checked it against `exportFormats` already. */
function exportFormatOf(name: string): ExportFormat {
  const format = exportFormats.find((each) => each === name);
  if (format === undefined) throw new Error(`\`${name}\` is not a format of export`);
  return format;
}

function budgetFlags(budget: GivenBudget | undefined): readonly string[] {
  if (budget === undefined) return [];
  if (budget === null) return ['--budget=none'];
  const { usd, tokens } = budget;
  return [
    ...(usd === undefined ? [] : [`--budget=${usd}`]),
    ...(tokens === undefined ? [] : [`--budget=${tokens}tokens`]),
  ];
}

const cannotStart: ActionResult = {
  ok: false,
  status: 409,
  code: 'cannot_start',
  message: 'Nothing can be started from this server.',
  fix: 'Use the hub (`stepspan serve`), or `stepspan resume` on the command line.',
};

function startedOf(started: RunStarted): ActionResult {
  if (started.kind === 'started')
    return { ok: true, runId: started.runId, message: `Run ${started.runId} has started.` };
  return {
    ok: false,
    status: 400,
    code: 'not_started',
    message: started.message,
    fix: 'Fix what it says, and start it again.',
  };
}

function resultOf(runId: RunId, steered: Steered): ActionResult {
  const { message } = steered;
  switch (steered.kind) {
    case 'done':
    case 'adopted':
      return { ok: true, runId, message };
    case 'refused':
      return {
        ok: false,
        status: 409,
        code: 'refused',
        message,
        fix: 'Look at its state, and try again when it fits.',
      };
    case 'ended':
      return { ok: false, status: 409, code: 'ended', message, fix: 'Retry it to run it again.' };
    case 'unreachable':
      return { ok: false, status: 503, code: 'unreachable', message, fix: 'Steer it where it runs.' };
  }
}
