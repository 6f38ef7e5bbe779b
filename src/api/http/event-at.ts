// One event of a journal by its number. Called by the routes of the timeline and of questions.
import type { Event } from '../../core/event.ts';
import type { JournalReader, ReadOptions } from '../../journal/index.ts';

/** @returns undefined if there is no event with this number, as after retention has taken it */
export async function eventAt(
  reader: Pick<JournalReader, 'read'>,
  seq: number,
  options: Pick<ReadOptions, 'onProblem'> = {},
): Promise<Event | undefined> {
  for await (const [record] of reader.read({ from: seq, only: 'events', ...options }))
    return record?.kind === 'event' && record.seq === seq ? record.event : undefined;
  return undefined;
}
