// One run: header, graph, and below it what one looks at: output, conversation, timeline, resources or alerts.
import { useEffect, useState } from 'preact/hooks';
import { app, canControl, go } from '../app-state.ts';
import { isBad, isOpen, nameOf, stepState } from '../model/run.ts';
import { type Route, type Tab, tabs } from '../route.ts';
import { openRunSession, type RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Alerts } from './alerts.tsx';
import { Conversation } from './conversation.tsx';
import { Graph } from './graph.tsx';
import { OutputPanel } from './output-panel.tsx';
import { Failure, Skeleton } from './parts.tsx';
import { Resources } from './resources.tsx';
import { RunHeader } from './run-header.tsx';
import { steer } from './steer.ts';
import { Timeline } from './timeline.tsx';
import { useKeys } from './use-keys.ts';
import { useNow } from './use-now.ts';

/** Shown above the end of a failed attempt. */
const linesBeforeFailure = 12;

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
  const run = useStore(session.store, (state) => state.run);
  const failure = useStore(session.store, (state) => state.failure);
  const status = useStore(session.store, (state) => state.status);
  const control = useStore(app, canControl);
  const [atFailure, setAtFailure] = useState(-1);
  const nowMs = useNow(run !== undefined && isOpen(run.state));
  const steps = route.steps ?? noSteps;
  const show = (tab: Tab, chosen = steps): void =>
    go({ view: 'run', runId: route.runId, tab, ...(chosen.length > 0 && { steps: chosen }) }, true);

  const nextFailure = (): void => {
    const failed = run?.steps.flatMap((step) => step.attempts.filter((attempt) => isBad(stepState(attempt)))) ?? [];
    if (failed.length === 0) return;
    const at = (atFailure + 1) % failed.length;
    setAtFailure(at);
    if (route.tab !== 'output') show('output');
    const attempt = failed[at];
    if (attempt === undefined) return;
    // Why something failed stands in its last lines.
    session.feed()?.showSeq(Math.max(attempt.firstSeq, (attempt.lastSeq ?? attempt.firstSeq) - linesBeforeFailure));
  };
  useKeys({
    f: nextFailure,
    p: () => {
      if (run !== undefined && control) void steer(run, run.paused === null ? 'pause' : 'resume');
    },
    ...Object.fromEntries(tabs.map((tab, index) => [String(index + 1), () => show(tab)])),
  });
  useEffect(() => {
    // On a narrow screen not all of them are seen at once.
    document.getElementById(`tab-${route.tab}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [route.tab, run === undefined]);
  useEffect(() => {
    if (run !== undefined) document.title = `${titleMark(run.state)}${nameOf(run)} · stepspan`;
  }, [run?.state, run?.workflow]);

  if (run === undefined) return failure === undefined ? <Skeleton rows={10} /> : <Failure failure={failure} />;
  const feed = session.feed();
  const names = new Map(run.steps.map((step) => [step.id, step.name]));
  return (
    <div class="run">
      <RunHeader run={run} steps={steps} nowMs={nowMs} control={control} />
      {status === 'refused' && (
        <p class="banner bad" role="status">
          The server sends nothing more of this run. Load the page again to see how it goes on.
        </p>
      )}
      {(status === 'reconnecting' || failure !== undefined) && (
        <p class="banner" role="status">
          Connection lost. Reconnecting; nothing is missed.
        </p>
      )}
      <Graph steps={run.steps} chosen={steps} nowMs={nowMs} onChoose={(chosen) => show(route.tab, chosen)} />
      <div class="tabs" role="tablist" aria-label="Views of the run">
        {tabs.map((tab) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`tab-${tab}`}
            aria-selected={route.tab === tab}
            aria-controls="panel"
            tabIndex={route.tab === tab ? 0 : -1}
            onClick={() => show(tab)}
            onKeyDown={(event) => {
              const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
              if (by === 0) return;
              const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length] ?? tab;
              show(next);
              document.getElementById(`tab-${next}`)?.focus();
            }}
          >
            {tab}
            {tab === 'alerts' && run.alerts.length > 0 && <span class="badge">{run.alerts.length}</span>}
          </button>
        ))}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby={`tab-${route.tab}`}>
        {route.tab === 'output' && feed !== undefined && (
          <OutputPanel
            session={session}
            feed={feed}
            run={run}
            steps={steps}
            line={route.line}
            at={route.at}
            names={names}
          />
        )}
        {route.tab === 'conversation' && <Conversation session={session} run={run} steps={steps} />}
        {route.tab === 'timeline' && <Timeline session={session} run={run} names={names} nowMs={nowMs} />}
        {route.tab === 'resources' && <Resources session={session} run={run} steps={steps} names={names} />}
        {route.tab === 'alerts' && <Alerts run={run} names={names} />}
      </div>
    </div>
  );
}

/** Seen in a tab that is not in front. */
function titleMark(status: string): string {
  if (status === 'running') return '▸ ';
  return status === 'success' ? '✓ ' : isBad(status as 'failure') ? '✕ ' : '';
}
