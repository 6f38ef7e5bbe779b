// The spans of a run: read once, and afterwards what has changed, at most each second. Called by timeline.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TimelineAnswer } from '../../src/api/schema/answers.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import type { Run } from '../model/run.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { noSpans, type Spans, withChanges } from './spans.ts';

const refreshMs = 1_000;
/** Of the time at most this share is spent on reading changes, so that ten thousand spans do not slow the page down. */
const busyShare = 0.1;

export function useSpans(session: RunSession, run: Run) {
  const events = useStore(session.store, (state) => state.spanEvents);
  const status = useStore(session.store, (state) => state.status);
  const [spans, setSpans] = useState<Spans>();
  const [failure, setFailure] = useState<ApiFailure>();
  const latest = useRef<Spans>(noSpans);
  /** Counts what was seen to change, so that what changes while an answer is read is read next. */
  const wanted = useRef(0);
  const reading = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const read = async (signal: AbortSignal): Promise<void> => {
    const asked = wanted.current;
    reading.current = true;
    const answer = await getJson<TimelineAnswer>(`/runs/${run.runId}/timeline?from=${latest.current.nextSeq}`, signal);
    reading.current = false;
    if (signal.aborted) return;
    setFailure(answer.ok ? undefined : answer.failure);
    let tookMs = 0;
    if (answer.ok) {
      const begunMs = performance.now();
      latest.current = withChanges(latest.current, answer.value);
      setSpans(latest.current);
      tookMs = performance.now() - begunMs;
    }
    if (wanted.current > asked) plan(signal, Math.max(refreshMs, tookMs / busyShare));
  };
  const plan = (signal: AbortSignal, delayMs: number): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = undefined;
      void read(signal);
    }, delayMs);
  };

  const abort = useRef<AbortController>(undefined);
  useEffect(() => {
    const own = new AbortController();
    abort.current = own;
    latest.current = noSpans;
    plan(own.signal, 0);
    return () => {
      own.abort();
      clearTimeout(timer.current);
      timer.current = undefined;
      reading.current = false;
    };
  }, [run.runId]);
  useEffect(() => {
    wanted.current += 1;
    const signal = abort.current?.signal;
    // One that is planned or under way takes this change, too: a run that prints all the time is still read each second.
    if (signal !== undefined && !reading.current && timer.current === undefined) plan(signal, refreshMs);
  }, [events, run.state, status]);
  return { spans: spans?.byId, failure };
}
