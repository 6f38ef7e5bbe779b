// CPU and memory of a run's steps over time, thinned while it grows: twice as coarse each time the bound is reached. A peak
// of memory is never thinned away. Pure. Called by run-memory.ts.
import type { JournalRecord } from '../../core/record.ts';

export type Sample = {
  readonly ns: bigint;
  readonly step: string | null;
  readonly attempt: number | null;
  readonly cpuCores: number;
  readonly rssBytes: number;
  readonly processes: number;
};

export type Samples = {
  readonly add: (record: JournalRecord) => void;
  /** At most `maxSamples`, in order. @param step only of this step */
  readonly list: (step?: string) => readonly Sample[];
};

/** A chart is 2,000 pixels wide at most. */
export const maxSamples = 2_000;

export function createSamples(limit = maxSamples): Samples {
  const bySubject = new Map<string, Sample[]>();
  return {
    add(record) {
      if (record.kind !== 'event' || record.event.type !== 'resource.sampled') return;
      const { cpuCores, rssBytes, processes } = record.event;
      const step = record.subject?.step ?? null;
      const attempt = record.subject?.attempt ?? null;
      const key = `${step}#${attempt}`;
      const samples = bySubject.get(key) ?? [];
      bySubject.set(key, samples);
      samples.push({ ns: record.timeNs, step, attempt, cpuCores, rssBytes, processes });
      if (samples.length > limit) samples.splice(0, samples.length, ...thinned(samples, limit / 2));
    },
    list(step) {
      const lists = [...bySubject.values()].filter(([first]) => step === undefined || first?.step === step);
      const all = lists.reduce((sum, samples) => sum + samples.length, 0);
      const share = Math.min(1, limit / Math.max(1, all));
      return lists
        .flatMap((samples) => thinned(samples, Math.max(1, Math.floor(samples.length * share))))
        .sort((a, b) => Number(a.ns - b.ns))
        .slice(0, limit);
    },
  };
}

/** Neighbours become one: the mean of the CPU and the highest of the rest, at the time of the last. */
function thinned(samples: readonly Sample[], count: number): readonly Sample[] {
  if (samples.length <= count) return samples;
  const size = Math.ceil(samples.length / count);
  return samples.flatMap((last, index) => {
    const isLast = (index + 1) % size === 0 || index === samples.length - 1;
    if (!isLast) return [];
    const group = samples.slice(index - (index % size), index + 1);
    return {
      ...last,
      cpuCores: group.reduce((sum, { cpuCores }) => sum + cpuCores, 0) / group.length,
      rssBytes: Math.max(...group.map(({ rssBytes }) => rssBytes)),
      processes: Math.max(...group.map(({ processes }) => processes)),
    };
  });
}
