// Does something with each of a list, so many at once, and returns the results in the list's order; and stops waiting for
// what takes too long. Used by the faults that sweep over points.
import { nothing, type Tally } from './tally.ts';

export async function atOnce<T, R>(many: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: many }, worker));
  return results;
}

/** The tally, or one that says that it did not come in time. */
export async function within(limitMs: number, what: string, work: Promise<Tally>): Promise<Tally> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Tally>((resolve) => {
    const problems = [`${what}: not over after ${limitMs / 1000} s`];
    timer = setTimeout(() => resolve({ ...nothing, runs: 1, problems }), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
