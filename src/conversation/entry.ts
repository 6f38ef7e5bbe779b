// Makes the entries of a conversation of the records of a journal: its events, and of each raw message what the events lack. Pure.
// Called by the API, which sends entries to the page, and by the terminal.
import type { ClaudeEvent } from '../core/claude-event.ts';
import type { Event } from '../core/event.ts';
import { createLineJoiner } from '../core/join-lines.ts';
import { type JournalRecord, linesOf } from '../core/record.ts';
import { readSourceMessage, type SourceMessage } from './source-message.ts';

export type ConversationEvent = Exclude<ClaudeEvent, { readonly type: 'claude.telemetry' }>;

export type Entry = {
  readonly seq: number;
  readonly timeNs: bigint;
  readonly step: string;
  readonly attempt: number;
} & (
  | { readonly event: ConversationEvent; readonly message?: undefined }
  | { readonly message: SourceMessage; readonly event?: undefined }
);

export type EntryCollector = {
  /** The entries of a record; raw messages come in pieces, and their entry with the last one. */
  readonly add: (record: JournalRecord) => readonly Entry[];
};

/** The longest message that Claude Code's reader reads: one with pictures has some MiB. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

export type Wanted = { readonly step?: string | undefined; readonly attempt?: number | undefined };

/** @param wanted the step and the attempt whose entries are wanted; all if left out */
export function createEntryCollector({ step, attempt }: Wanted = {}): EntryCollector {
  // Only raw messages of wanted steps are given to it, so numbers between them are missing.
  const joiner = createLineJoiner({ maxLineBytes: MAX_MESSAGE_BYTES, isFiltered: true });
  return {
    add(record) {
      const { subject } = record;
      if (subject === undefined) return [];
      if (step !== undefined && subject.step !== step) return [];
      if (attempt !== undefined && subject.attempt !== attempt) return [];
      if (record.kind === 'output') return record.stream === 'debug' ? joiner.add(record).flatMap(messagesOf) : [];
      const { event, seq, timeNs } = record;
      return isConversationEvent(event) ? [{ seq, timeNs, ...subject, event }] : [];
    },
  };
}

function isConversationEvent(event: Event): event is ConversationEvent {
  return event.type.startsWith('claude.') && event.type !== 'claude.telemetry';
}

function messagesOf(record: JournalRecord): readonly Entry[] {
  const { subject } = record;
  if (record.kind !== 'output' || subject === undefined) return [];
  return [...linesOf(record)].flatMap(({ seq, timeNs, bytes }) => {
    const message = readSourceMessage(bytes.toString('utf8'));
    return message === undefined ? [] : [{ seq, timeNs, ...subject, message }];
  });
}
