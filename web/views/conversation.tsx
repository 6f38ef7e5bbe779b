// A Claude step as a conversation: what it said, which tool it called with what, what came back, what it cost. Called by run.tsx.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ConversationAnswer } from '../../src/api/schema/answers.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { msOfNsText } from '../api/views.ts';
import { readableTurns, type Turn } from '../model/conversation.ts';
import { cost, count, duration, timeOfDay } from '../model/format.ts';
import type { Run } from '../model/run.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Empty, Failure, Skeleton } from './parts.tsx';

type Held = { readonly step: string; readonly turns: readonly Turn[]; readonly nextSeq: number };

/** More turns than this are not drawn at once; the newest are, and a click brings as many more. */
const shownTurns = 400;
/** The most that the server returns in one answer. */
const turnsAtOnce = 2_000;
/** About 2 KB each: a session of days, in 20 MB. */
const heldTurns = 10_000;
const refreshMs = 1_000;

export function Conversation(props: { session: RunSession; run: Run; steps: readonly string[] }) {
  const { session, run, steps } = props;
  const claude = run.steps.filter((one) => one.kind === 'claude' && one.attempts.length > 0);
  const [picked, setPicked] = useState<string>();
  const chosen =
    claude.find((one) => (picked === undefined ? steps.includes(one.id) : one.id === picked)) ?? claude.at(-1);
  const [more, setMore] = useState(1);
  const id = chosen?.id;
  useEffect(() => setMore(1), [id]);
  const { turns, failure } = useTurns(session, run, id);
  const shown = shownTurns * more;

  if (chosen === undefined)
    return (
      <Empty title="No conversation">
        <p>
          {run.steps.some((one) => one.kind === 'claude')
            ? 'No Claude step has started yet.'
            : 'This workflow has no Claude step.'}
        </p>
      </Empty>
    );
  return (
    <section class="conversation">
      <div class="toolbar">
        <div class="segments" role="group" aria-label="Claude step">
          {claude.map((one) => (
            <button key={one.id} type="button" aria-pressed={one.id === chosen.id} onClick={() => setPicked(one.id)}>
              {one.name}
            </button>
          ))}
        </div>
        <span class="muted">{cost(chosen)}</span>
      </div>
      {failure !== undefined && turns === undefined && <Failure failure={failure} />}
      {turns === undefined && failure === undefined && <Skeleton rows={6} />}
      {turns !== undefined && (
        <ol class="turns">
          {turns.length > shown && (
            <li>
              <button type="button" onClick={() => setMore(more + 1)}>
                {turns.length - shown} earlier turns
              </button>
            </li>
          )}
          {turns.slice(-shown).map((turn) => (
            <TurnItem key={turn.seq} turn={turn} />
          ))}
        </ol>
      )}
    </section>
  );
}

/** The turns of a step, read again when there are more. */
function useTurns(session: RunSession, run: Run, id: string | undefined) {
  const events = useStore(session.store, (state) => state.claudeEvents);
  const [held, setHeld] = useState<Held>();
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => setHeld(undefined), [id]);
  useEffect(() => {
    if (id === undefined) return;
    const abort = new AbortController();
    /** Only what is new is asked for, a part at a time: a long session has thousands of turns. */
    const ask = async (before: Held | undefined): Promise<void> => {
      const query = `step=${encodeURIComponent(id)}&from=${before?.nextSeq ?? 0}&limit=${turnsAtOnce}`;
      const answer = await getJson<ConversationAnswer>(`/runs/${run.runId}/conversation?${query}`, abort.signal);
      if (abort.signal.aborted) return;
      setFailure(answer.ok ? undefined : answer.failure);
      if (!answer.ok) return;
      const { turns, nextSeq, headSeq } = answer.value;
      const now = { step: id, turns: [...(before?.turns ?? []), ...turns].slice(-heldTurns), nextSeq };
      setHeld(now);
      if (nextSeq < headSeq && turns.length > 0) await ask(now);
    };
    const known = held?.step === id ? held : undefined;
    const timer = setTimeout(() => void ask(known), known === undefined ? 0 : refreshMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [run.runId, id, events, run.state]);
  const turns = useMemo(() => (held?.step === id ? readableTurns(held?.turns ?? []) : undefined), [held, id]);
  return { turns, failure };
}

function TurnItem({ turn }: { turn: Turn }) {
  const body = bodyOf(turn.event);
  if (body === undefined) return null;
  return (
    <li class={`turn t-${turn.event.type.replace('claude.', '')}`}>
      <span class="when muted tabular">{timeOfDay(msOfNsText(turn.ns))}</span>
      <div>{body}</div>
    </li>
  );
}

/** Everything is text: nothing that Claude or a tool says is read as HTML or as Markdown. */
function bodyOf(event: Turn['event']) {
  switch (event.type) {
    case 'claude.message':
      return <p class="said">{event.text}</p>;
    case 'claude.prompted':
      return <Block title={`prompt, ${count(event.bytes)} bytes`} text={event.text} />;
    case 'claude.thinking':
      return event.text === '' ? (
        <p class="muted">Thinking that the API does not show</p>
      ) : (
        <Block title="thinking" text={event.text} />
      );
    case 'claude.unknown':
      return (
        <p class="muted">
          A{' '}
          {event.blockType === undefined ? `message of type ${event.messageType}` : `block of type ${event.blockType}`}{' '}
          that this version does not know
        </p>
      );
    case 'claude.tool_called':
      return <Block title={event.tool} text={pretty(event.input)} />;
    case 'claude.tool_returned':
      return <Block title={event.isError ? 'error' : 'result'} text={event.text} bad={event.isError} />;
    case 'claude.session':
      return <p class="muted">Session with {event.model}</p>;
    case 'claude.usage':
      // A call of the model is never free: 0 is that of a model without a known price.
      return (
        <p class="cost muted tabular">
          {cost({ costAtLeastUsd: event.usage.costUsd, costBasis: event.usage.costUsd === 0 ? 'unknown' : 'known' })} ·{' '}
          {count(event.usage.inputTokens + event.usage.cacheReadTokens + event.usage.cacheCreationTokens)} in,{' '}
          {count(event.usage.outputTokens)} out
        </p>
      );
    case 'claude.retrying':
      return (
        <p class="bad">
          The API failed, try {event.attempt}: {event.error}
        </p>
      );
    case 'claude.rate_limited':
      return <p class="bad">Rate limited ({event.status})</p>;
    case 'claude.permission_denied':
      return <Block title={`${event.tool}: permission denied`} text={pretty(event.input)} bad />;
    case 'claude.notice':
      return (
        <p class="muted">
          {event.subtype}: {event.text}
        </p>
      );
    case 'claude.result':
      return (
        <p class={event.isError ? 'bad' : 'good'}>
          {event.isError ? `Ended with ${event.subtype}` : 'Done'} ·{' '}
          {event.turns === 1 ? '1 turn' : `${event.turns} turns`} · {duration(event.durationMs)} ·{' '}
          {cost({ costAtLeastUsd: event.costUsd, costBasis: event.costUnknown === undefined ? 'known' : 'unknown' })}
        </p>
      );
    default:
      return undefined;
  }
}

/** Longer texts are folded to this many lines. */
const openLines = 12;

function Block({ title, text, bad = false }: { title: string; text: string; bad?: boolean }) {
  const lines = text.split('\n');
  const long = lines.length > openLines;
  return (
    <details class={`block ${bad ? 'bad' : ''}`} open={!long}>
      <summary>
        <strong>{title}</strong> <span class="muted clip">{lines[0]}</span>
      </summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}

function pretty(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [['', value]];
    return entries.every(([, one]) => typeof one === 'string')
      ? entries.map(([key, one]) => `${key}: ${String(one)}`).join('\n')
      : JSON.stringify(value, undefined, 2);
  } catch {
    return json;
  }
}
