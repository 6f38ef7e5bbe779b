// The entries of one attempt of a Claude step: read from its beginning in parts, and then what is new. Bounded: of a longer session
// the beginning is left out. Called by conversation.tsx.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ConversationAnswer } from '../../src/api/schema/answers.ts';
import { type Conversation, type Entry, foldConversation } from '../../src/conversation/index.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import type { Attempt, Run, Step } from '../model/run.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';

type Held = {
  readonly id: string;
  readonly entries: readonly Entry[];
  readonly nextSeq: number;
  /** Entries at the beginning that were left out. */
  readonly leftOut: number;
  readonly isWhole: boolean;
};

export type Entries = {
  readonly conversation: Conversation | undefined;
  readonly failure: ApiFailure | undefined;
  readonly leftOut: number;
  /** More is being read. */
  readonly isLoading: boolean;
};

/** The most that the server returns in one answer. */
const atOnce = 2_000;
/** Entries of a session of days: at most some 60 MB with usual texts. */
const maxHeld = 60_000;
const refreshMs = 700;

export function useEntries(session: RunSession, run: Run, step: Step | undefined): Entries {
  const events = useStore(session.store, (state) => state.claudeEvents);
  const [held, setHeld] = useState<Held>();
  const [failure, setFailure] = useState<ApiFailure>();
  const id = step?.id;
  const first = step?.attempts[0]?.firstSeq ?? 0;
  const last = lastSeqOf(step?.attempts ?? []);
  useEffect(() => {
    if (id === undefined) return;
    const abort = new AbortController();
    const ask = async (before: Held | undefined): Promise<void> => {
      const from = before?.nextSeq ?? first;
      const to = last === undefined ? '' : `&to=${last + 1}`;
      const query = `step=${encodeURIComponent(id)}&from=${from}&limit=${atOnce}${to}`;
      const answer = await getJson<ConversationAnswer>(`/runs/${run.runId}/conversation?${query}`, abort.signal);
      if (abort.signal.aborted) return;
      setFailure(answer.ok ? undefined : answer.failure);
      if (!answer.ok) return;
      const { nextSeq, headSeq } = answer.value;
      const isWhole = nextSeq >= Math.min(headSeq, last === undefined ? headSeq : last + 1) || nextSeq <= from;
      const entries = [...(before?.entries ?? []), ...entriesOf(answer.value)];
      const leftOut = Math.max(0, entries.length - maxHeld);
      const now: Held = {
        ...{ id, nextSeq, isWhole, entries: leftOut === 0 ? entries : entries.slice(leftOut) },
        leftOut: (before?.leftOut ?? 0) + leftOut,
      };
      setHeld(now);
      if (!isWhole) await ask(now);
    };
    const known = held?.id === id ? held : undefined;
    if (known !== undefined && last !== undefined && known.nextSeq > last) return;
    const timer = setTimeout(() => void ask(known), known === undefined ? 0 : refreshMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [run.runId, id, last, events]);
  const shown = held?.id === id ? held : undefined;
  const conversation = useMemo(() => (shown === undefined ? undefined : foldConversation(shown.entries)), [shown]);
  return { conversation, failure, leftOut: shown?.leftOut ?? 0, isLoading: shown?.isWhole === false };
}

/** Undefined until all attempts have ended. */
function lastSeqOf(attempts: readonly Attempt[]): number | undefined {
  const seqs = attempts.map(({ lastSeq }) => lastSeq);
  return seqs.length === 0 || seqs.includes(null) ? undefined : Math.max(...seqs.map((seq) => seq ?? 0));
}

/** Events and raw messages in the order of their numbers, as the journal has them. */
function entriesOf({ turns, messages }: ConversationAnswer): readonly Entry[] {
  const entries: readonly Entry[] = [
    ...turns.map(({ ns, ...turn }) => ({ ...turn, timeNs: BigInt(ns) })),
    ...messages.map(({ ns, ...message }) => ({ ...message, timeNs: BigInt(ns) })),
  ];
  return entries.toSorted((a, b) => a.seq - b.seq);
}
