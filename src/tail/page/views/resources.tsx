// CPU and memory of the process trees over time, a line a step. What was before comes from the API, what comes now live.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ResourcesAnswer } from '../../api/answers.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { msOfNsText } from '../api/views.ts';
import { app } from '../app-state.ts';
import { bytes } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';
import { seriesOf } from '../model/series.ts';
import type { RunSession, Sample } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Empty, Failure, Skeleton } from './parts.tsx';

const height = 190;

export function Resources(props: {
  session: RunSession;
  run: RunView;
  step: string | undefined;
  names: ReadonlyMap<string, string>;
}) {
  const { session, run, step } = props;
  const live = useStore(session.store, (state) => state.samples);
  const dark = useStore(app, (state) => state.dark);
  const [before, setBefore] = useState<readonly Sample[]>();
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => {
    const abort = new AbortController();
    void getJson<ResourcesAnswer>(`/runs/${run.id}/resources`, abort.signal).then((answer) => {
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
  }, [run.id, run.status]);
  const samples = useMemo(() => {
    const last = before?.at(-1)?.timeMs ?? 0;
    const all = [...(before ?? []), ...live.filter((sample) => sample.timeMs > last)];
    return step === undefined ? all : all.filter((sample) => sample.step === step);
  }, [before, live, step]);
  if (before === undefined) return failure === undefined ? <Skeleton rows={6} /> : <Failure failure={failure} />;
  if (samples.length === 0)
    return (
      <Empty title="No samples">
        <p>CPU and memory are sampled while a step runs; a short one may end before the first.</p>
      </Empty>
    );
  const cpu = seriesOf(samples, (sample) => sample.cpuCores);
  const memory = seriesOf(samples, (sample) => sample.rssBytes);
  return (
    <section class="resources">
      <Chart title="CPU" unit={(value) => `${value.toFixed(2)} cores`} data={cpu} names={props.names} dark={dark} />
      <Chart title="Memory" unit={(value) => bytes(value)} data={memory} names={props.names} dark={dark} />
    </section>
  );
}

/** Told apart in both themes and by people who see red and green alike. */
const colours = ['#4f7cf0', '#d9822b', '#2a9d8f', '#b65fcf', '#c9505f', '#8a8f2b', '#3f9fd0', '#9a6b4f'];

function Chart(props: {
  title: string;
  unit: (value: number) => string;
  data: ReturnType<typeof seriesOf>;
  names: ReadonlyMap<string, string>;
  dark: boolean;
}) {
  const { data, dark } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const key = data.steps.join('\0');
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const ink = dark ? '#9aa5b5' : '#566072';
    const grid = { stroke: dark ? '#252c38' : '#e6e9ef', width: 1 };
    const made = new uPlot(
      {
        width: Math.max(240, element.clientWidth),
        height,
        cursor: { sync: { key: 'resources' }, y: false },
        legend: { live: true },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 0.01)] } },
        axes: [
          { stroke: ink, grid, ticks: grid },
          {
            stroke: ink,
            grid,
            ticks: grid,
            size: 84,
            values: (_plot, values) => values.map((value) => props.unit(value)),
          },
        ],
        series: [
          { label: 'Time' },
          ...data.steps.map((step, index) => ({
            label: props.names.get(step) ?? step,
            stroke: colours[index % colours.length] ?? ink,
            fill: `${colours[index % colours.length]}22`,
            width: 1.5,
            spanGaps: false,
            points: { size: 4 },
            value: (_plot: uPlot, value: number | null) => (value === null ? '–' : props.unit(value)),
          })),
        ],
      },
      data.columns as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: Math.max(240, element.clientWidth), height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [key, dark]);
  useEffect(() => plot.current?.setData(data.columns as uPlot.AlignedData), [data]);
  return (
    <figure class="card">
      <figcaption>{props.title}</figcaption>
      <div ref={holder} class="plot" />
    </figure>
  );
}
