// What a metric is: its name, type, labels with where their values come from. Types and their constructors; no values.

/** Why a label with values from outside can hold only so many of them. The numbers are in label-bounds.ts. */
export type BoundName = 'workflow' | 'step' | 'model' | 'agent' | 'tool' | 'rule' | 'reader' | 'language' | 'label';

export type LabelValues =
  /** These and no others. What comes from outside and is none of them becomes `other`. */
  | { readonly kind: 'fixed'; readonly values: readonly string[] }
  /** The first so many that were met; all others become `other`. */
  | {
      readonly kind: 'bounded';
      readonly bound: BoundName;
      /** A series without a value lacks the label. */
      readonly isOptional?: boolean;
    }
  /** A single value: the version of this process. */
  | { readonly kind: 'own' };

export type LabelSet<L extends string = string> = Readonly<Record<L, string>>;

type Base<L extends string> = {
  /** As in the query language. */
  readonly name: string;
  /** Of a metric that the conventions of OpenTelemetry define: its name and unit there, which it has over OTLP. */
  readonly convention?: { readonly name: string; readonly unit: string };
  /** One sentence, without double quotes, which OpenMetrics would have escaped and the text format not. */
  readonly help: string;
  /** Of the value; '' for plain counts. */
  readonly unit: '' | 'seconds' | 'bytes' | 'ratio' | 'usd';
  readonly labels: Readonly<Record<L, LabelValues>>;
  /** `run`: also served by `run --metrics-port`, for its one run. `hub`: only where a whole data folder is looked after. */
  readonly scope: 'run' | 'hub';
};

export type CounterMetric<L extends string = string> = Base<L> & {
  readonly type: 'counter';
  readonly name: `${string}_total`;
  /** The metric of Claude Code's own telemetry that it shows, if it does. */
  readonly otel?: string;
};

export type HistogramMetric<L extends string = string> = Base<L> & {
  readonly type: 'histogram';
  /** Upper bounds, ascending, without the last one (+Inf). */
  readonly buckets: readonly number[];
  readonly bucketsReason: string;
};

export type GaugeMetric<L extends string = string> = Base<L> & {
  readonly type: 'gauge';
  /** What several runs with the same labels show as one. */
  readonly merge: 'sum' | 'max' | 'min';
};

export type Metric<L extends string = string> = CounterMetric<L> | HistogramMetric<L> | GaugeMetric<L>;

/** Points from a value to what happened, for OpenMetrics. */
export type Exemplar = {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  readonly timeMs: number;
};

/** What a record, or the hub itself, does to the metrics. Labels are raw: their bounds are applied where it is counted. */
export type Change =
  | { readonly kind: 'add'; readonly metric: CounterMetric; readonly labels: LabelSet; readonly value: number }
  | {
      readonly kind: 'observe';
      readonly metric: HistogramMetric;
      readonly labels: LabelSet;
      readonly value: number;
      readonly exemplar: Exemplar;
    }
  /** Of a gauge that is kept: it only ever goes up. */
  | { readonly kind: 'raise'; readonly metric: GaugeMetric; readonly labels: LabelSet; readonly value: number }
  /** Makes every series exist whose labels from outside are all among these, so that it is seen at 0 before it counts. */
  | { readonly kind: 'touch'; readonly labels: LabelSet };

/** The value of a gauge now. */
export type GaugeSample = { readonly metric: GaugeMetric; readonly labels: LabelSet; readonly value: number };

export function add<L extends string>(metric: CounterMetric<L>, labels: LabelSet<L>, value = 1): Change {
  return { kind: 'add', metric, labels, value };
}

export function observe<L extends string>(
  metric: HistogramMetric<L>,
  labels: LabelSet<L>,
  value: number,
  exemplar: Exemplar,
): Change {
  return { kind: 'observe', metric, labels, value, exemplar };
}

export function gauge<L extends string>(metric: GaugeMetric<L>, labels: LabelSet<L>, value: number): GaugeSample {
  return { metric, labels, value };
}

export const fixed = (...values: readonly string[]): LabelValues => ({ kind: 'fixed', values });
export const bounded = (bound: BoundName): LabelValues => ({ kind: 'bounded', bound });
