// One run: header, graph, and below it the tab that is open: output, conversation, timeline, resources or alerts. Called by app.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import { app, canControl, go } from '../app-state.ts';
import { isBad, isOpen, nameOf, type Run as RunModel, type RunState } from '../model/run.ts';
import { type FailureLines, failedAttempts, readFailureLines } from '../output/failure-lines.ts';
import { type Route, type Tab, tabs } from '../route.ts';
import { openRunSession, type RunSession } from '../run-session.ts';
import { useNow, useStore } from '../store.ts';
import { Alerts } from './alerts.tsx';
import { Conversation } from './conversation.tsx';
import { FailureCard } from './failure-card.tsx';
import { Graph } from './graph.tsx';
import { OutputPanel } from './output-panel.tsx';
import { Failure, Skeleton } from './parts.tsx';
import { Resources } from './resources.tsx';
import { RunHeader } from './run-header.tsx';
import { steer } from './steer.ts';
import { Timeline } from './timeline.tsx';
import { useKeys } from './use-keys.ts';

const noSteps: readonly string[] = [];

type RunRoute = Extract<Route, { view: 'run' }>;

export function Run({ route }: { route: RunRoute }) {
  const [session, setSession] = useState<RunSession>();
  useEffect(() => {
    const opened = openRunSession(route.runId, route.line);
    setSession(opened);
    return () => opened.close();
  }, [route.runId]);
  return session === undefined ? <Skeleton rows={10} /> : <RunView session={session} route={route} />;
}

function RunView({ session, route }: { session: RunSession; route: RunRoute }) {
  const { run, failure, status } = useStore(session.store, (state) => state);
  const control = useStore(app, canControl);
  const nowMs = useNow(run !== undefined && isOpen(run.state));
  const steps = route.steps ?? noSteps;
  const show = (tab: Tab, chosen = steps): void =>
    go({ view: 'run', runId: route.runId, tab, ...(chosen.length > 0 && { steps: chosen }) }, true);
  const isEndedAtFirst = useRef<boolean | undefined>(undefined);
  if (run !== undefined) isEndedAtFirst.current ??= !isOpen(run.state);
  /** A failed run opens at its error; one that is followed while it fails stays where it is. */
  const showFailure = ({ lines }: FailureLines): void => {
    const feed = session.feed();
    const first = lines[0];
    if (isEndedAtFirst.current === true && first !== undefined && feed?.state().following === true)
      feed.showSeq(first.seq);
  };
  useRunKeys({ session, run, control, show, tab: route.tab });
  useEffect(() => {
    if (run !== undefined) document.title = `${titleMark(run.state)}${nameOf(run)} · stepspan`;
  }, [run?.state, run?.workflow]);

  if (run === undefined) return failure === undefined ? <Skeleton rows={10} /> : <Failure failure={failure} />;
  return (
    <div class="run">
      <RunHeader run={run} steps={steps} nowMs={nowMs} control={control} />
      {status === 'refused' && (
        <p class="banner bad" role="status">
          The server sends no more of this run. Load the page again to see how it continues.
        </p>
      )}
      {(status === 'reconnecting' || failure !== undefined) && (
        <p class="banner" role="status">
          Connection lost. Reconnecting; nothing is missed.
        </p>
      )}
      {isBad(run.state) && <FailureCard run={run} onFound={showFailure} />}
      <Graph steps={run.steps} chosen={steps} nowMs={nowMs} onChoose={(chosen) => show(route.tab, chosen)} />
      <Tabs shown={route.tab} alerts={run.alerts.length} onShow={show} />
      <Panel session={session} route={route} run={run} steps={steps} nowMs={nowMs} />
    </div>
  );
}

function useRunKeys(props: {
  session: RunSession;
  run: RunModel | undefined;
  control: boolean;
  tab: Tab;
  show: (tab: Tab) => void;
}): void {
  const { session, run, control, tab, show } = props;
  const [atFailure, setAtFailure] = useState(-1);
  const showNextFailure = (): void => {
    const failures = run === undefined ? [] : failedAttempts(run);
    const at = (atFailure + 1) % failures.length;
    const failed = failures[at];
    if (failed === undefined) return;
    setAtFailure(at);
    if (tab !== 'output') show('output');
    void readFailureLines(session.runId, failed).then((found) =>
      session.feed()?.showSeq(found?.lines[0]?.seq ?? failed.attempt.lastSeq ?? failed.attempt.firstSeq),
    );
  };
  useKeys({
    f: showNextFailure,
    p: () => {
      if (run !== undefined && control) void steer(run, run.paused === null ? 'pause' : 'resume');
    },
    ...Object.fromEntries(tabs.map((each, index) => [String(index + 1), () => show(each)])),
  });
}

function Tabs({ shown, alerts, onShow }: { shown: Tab; alerts: number; onShow: (tab: Tab) => void }) {
  useEffect(() => {
    // On a narrow screen not all of them are visible at once.
    document.getElementById(`tab-${shown}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [shown]);
  const onKeyDown = (event: KeyboardEvent, tab: Tab): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length] ?? tab;
    onShow(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views of the run">
      {tabs.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`tab-${tab}`}
          aria-selected={shown === tab}
          aria-controls="panel"
          tabIndex={shown === tab ? 0 : -1}
          onClick={() => onShow(tab)}
          onKeyDown={(event) => onKeyDown(event, tab)}
        >
          {tab}
          {tab === 'alerts' && alerts > 0 && <span class="badge">{alerts}</span>}
        </button>
      ))}
    </div>
  );
}

function Panel(props: {
  session: RunSession;
  route: RunRoute;
  run: RunModel;
  steps: readonly string[];
  nowMs: number;
}) {
  const { session, route, run, steps, nowMs } = props;
  const feed = session.feed();
  const names = new Map(run.steps.map((step) => [step.id, step.name]));
  const common = { session, run, steps, names };
  return (
    <div
      class="panel"
      id="panel"
      role="tabpanel"
      aria-labelledby={`tab-${route.tab}`}
      // So that the keys can scroll it. Output and conversation scroll by themselves, and have the focus themselves.
      tabIndex={route.tab === 'output' || route.tab === 'conversation' ? undefined : 0}
    >
      {route.tab === 'output' && feed !== undefined && (
        <OutputPanel {...common} feed={feed} line={route.line} at={route.at} />
      )}
      {route.tab === 'conversation' && (
        <Conversation
          session={session}
          run={run}
          steps={steps}
          turn={route.turn}
          onChoose={(step) => go({ view: 'run', runId: run.runId, tab: 'conversation', steps: [step] }, true)}
        />
      )}
      {route.tab === 'timeline' && <Timeline session={session} run={run} names={names} nowMs={nowMs} />}
      {route.tab === 'resources' && <Resources {...common} />}
      {route.tab === 'alerts' && <Alerts run={run} names={names} />}
    </div>
  );
}

/** Visible in a tab that is not in front. */
function titleMark(state: RunState): string {
  if (state === 'running') return '▸ ';
  return state === 'success' ? '✓ ' : isBad(state) ? '✕ ' : '';
}
