// One chart of a value over the time of a run, with a line for each step: uPlot in the colours of the page. Called by resources.tsx.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { duration } from '../model/format.ts';
import type { Run } from '../model/run.ts';
import { peakOf, type SeriesColumns } from '../model/series.ts';

const height = 190;

/** Distinguished in both themes and by people who see red and green alike. */
const palette = ['#4f7cf0', '#d9822b', '#2a9d8f', '#b65fcf', '#c9505f', '#8a8f2b', '#3f9fd0', '#9a6b4f'];

/** Of each step the same colour in every chart, whatever else is shown. */
export function coloursOf(run: Run): ReadonlyMap<string, string> {
  return new Map(run.steps.map((step, index) => [step.id, palette[index % palette.length] ?? '']));
}

/** Marks at round numbers of KiB, MiB and GiB. */
export const byteSteps = Array.from({ length: 30 }, (_, power) => 2 ** (power + 10));

/** Marks of time, in seconds: round for a person who reads minutes and hours. */
const timeSteps = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600],
  ...[7_200, 14_400, 21_600, 43_200, 86_400],
];

/** Pixels that a mark of time takes with its text. */
const markWidth = 74;

type ChartProps = {
  title: string;
  /** A value with its unit, and as short as beside an axis. */
  unit: (value: number) => string;
  tick: (value: number) => string;
  incrs: number[] | undefined;
  /** Times are seconds from the start of the run. */
  data: SeriesColumns;
  names: ReadonlyMap<string, string>;
  colours: ReadonlyMap<string, string>;
  dark: boolean;
};

export function Chart(props: ChartProps) {
  const { title, data, dark, names } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const key = data.steps.join('\0');
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const width = (): number => Math.max(240, element.clientWidth);
    const made = new uPlot({ width: width(), height, ...plotOptions(props) }, alignedData(data), element);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: width(), height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [key, dark]);
  useEffect(() => plot.current?.setData(alignedData(data)), [data]);
  const peak = peakOf(data);
  // What a chart shows at a glance is written in words too, for people who do not see it.
  return (
    <figure class="card">
      <figcaption>
        {title}
        {peak !== undefined && (
          <span class="muted">
            {' '}
            at most {props.unit(peak.value)}, {names.get(peak.step) ?? peak.step} at {duration(peak.seconds * 1000)}
          </span>
        )}
      </figcaption>
      <div ref={holder} class="plot" />
    </figure>
  );
}

function alignedData({ times, values }: SeriesColumns): uPlot.AlignedData {
  return [[...times], ...values.map((column) => [...column])];
}

function plotOptions({ data, names, dark, colours, unit, tick, incrs }: ChartProps) {
  const ink = dark ? '#9aa5b5' : '#566072';
  const grid = { stroke: dark ? '#252c38' : '#e6e9ef', width: 1 };
  const common = { stroke: ink, grid, ticks: grid };
  const marks = (values: number[], format: (value: number) => string): string[] =>
    values.map((value) => (value === 0 ? '0' : format(value)));
  const seconds = (value: number): string => duration(value * 1000);
  const orDash = (format: (value: number) => string) => (_plot: uPlot, value: number | null) =>
    value === null ? '–' : format(value);
  return {
    cursor: { sync: { key: 'resources' }, y: false },
    legend: { live: true },
    scales: {
      // From the start of the run on, as the timeline has it.
      x: { time: false, range: (_plot, _min, max) => [0, Math.max(max, 0.1)] },
      y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 0.01)] },
    },
    axes: [
      { ...common, space: markWidth, incrs: timeSteps, values: (_plot, values) => marks(values, seconds) },
      {
        ...common,
        size: 72,
        ...(incrs !== undefined && { incrs }),
        values: (_plot, values) => marks(values, tick),
      },
    ],
    series: [
      { label: 'At', value: orDash(seconds) },
      ...data.steps.map((step) => ({
        label: names.get(step) ?? step,
        stroke: colours.get(step) ?? ink,
        fill: `${colours.get(step) ?? ink}22`,
        width: 1.5,
        spanGaps: false,
        points: { size: 4 },
        value: orDash(unit),
      })),
    ],
  } satisfies Omit<uPlot.Options, 'width' | 'height'>;
}
