// CPU and memory of the process trees over time, a line a step. What was before comes from the API, what comes now live.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ResourcesAnswer } from '../../src/api/schema/answers.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { msOfNsText } from '../api/views.ts';
import { app } from '../app-state.ts';
import { bytes } from '../model/format.ts';
import { msOf, type Run } from '../model/run.ts';
import { seriesOf } from '../model/series.ts';
import type { RunSession, Sample } from '../run-session.ts';
import { useStore } from '../store.ts';
import { byteSteps, Chart, coloursOf } from './chart.tsx';
import { Empty, Failure, Skeleton } from './parts.tsx';

export function Resources(props: {
  session: RunSession;
  run: Run;
  steps: readonly string[];
  names: ReadonlyMap<string, string>;
}) {
  const { session, run, steps } = props;
  const live = useStore(session.store, (state) => state.samples);
  const jumps = useStore(session.store, (state) => state.jumps);
  const dark = useStore(app, (state) => state.dark);
  const [before, setBefore] = useState<readonly Sample[]>();
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => {
    const abort = new AbortController();
    void getJson<ResourcesAnswer>(`/runs/${run.runId}/resources`, abort.signal).then((answer) => {
      if (abort.signal.aborted) return;
      if (!answer.ok) return setFailure(answer.failure);
      setBefore(
        answer.value.samples.map((sample) => ({
          timeMs: msOfNsText(sample.ns),
          step: sample.step ?? undefined,
          cpuCores: sample.cpuCores,
          rssBytes: sample.rssBytes,
        })),
      );
    });
    return () => abort.abort();
  }, [run.runId, run.state, jumps]);
  const startedMs = msOf(run.startedAt) ?? 0;
  const samples = useMemo(() => {
    const last = before?.at(-1)?.timeMs ?? 0;
    const all = [...(before ?? []), ...live.filter((sample) => sample.timeMs > last)];
    const wanted = steps.length === 0 ? all : all.filter(({ step }) => step !== undefined && steps.includes(step));
    return wanted.map((sample) => ({ ...sample, timeMs: sample.timeMs - startedMs }));
  }, [before, live, steps, startedMs]);
  const cpu = useMemo(() => seriesOf(samples, (sample) => sample.cpuCores), [samples]);
  const memory = useMemo(() => seriesOf(samples, (sample) => sample.rssBytes), [samples]);
  if (before === undefined) return failure === undefined ? <Skeleton rows={6} /> : <Failure failure={failure} />;
  if (samples.length === 0)
    return (
      <Empty title="No samples">
        <p>CPU and memory are sampled while a step runs; a short one may end before the first.</p>
      </Empty>
    );
  const common = { names: props.names, colours: coloursOf(run), dark };
  return (
    <section class="resources">
      <Chart title="CPU" unit={cores} tick={String} incrs={undefined} data={cpu} {...common} />
      <Chart title="Memory" unit={bytes} tick={bytes} incrs={byteSteps} data={memory} {...common} />
    </section>
  );
}

function cores(value: number): string {
  return `${value.toFixed(2)} cores`;
}
