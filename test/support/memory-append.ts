// An append that keeps what it is given, for tests of those who write to a journal and not of the journal.
import type { Event, EventOf, EventType } from '../../src/core/event.ts';
import type { Append, OutputDraft, Subject } from '../../src/core/record.ts';

export type Entry =
  | { readonly kind: 'event'; readonly event: Event; readonly subject: Subject | undefined }
  | { readonly kind: 'output'; readonly draft: OutputDraft; readonly text: string };

export type MemoryAppend = Append & {
  readonly entries: Entry[];
  readonly events: <T extends EventType>(type: T) => readonly { event: EventOf<T>; subject: Subject | undefined }[];
};

export function createMemoryAppend(): MemoryAppend {
  const entries: Entry[] = [];
  let seq = 0;
  return {
    entries,
    event(event, subject) {
      entries.push({ kind: 'event', event, subject });
      return seq++;
    },
    output(draft) {
      const first = seq;
      seq += draft.lineCount;
      entries.push({ kind: 'output', draft, text: draft.bytes.toString() });
      return first;
    },
    events<T extends EventType>(type: T) {
      return entries.flatMap((entry) =>
        entry.kind === 'event' && entry.event.type === type
          ? [{ event: entry.event as EventOf<T>, subject: entry.subject }]
          : [],
      );
    },
  };
}
