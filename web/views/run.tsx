// One run: header, graph, and below it the tab that is open: output, conversation, timeline, resources, alerts or summary. Called by app.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatCount, formatShortCount } from '../../src/core/units.ts';
import { app, canControl, go } from '../app-state.ts';
import { AskCards } from '../ask/ask-cards.tsx';
import { useCommands } from '../commands.ts';
import { Graph } from '../graph/graph.tsx';
import { isBad, isOpen, lineCount, nameOf, type Run as RunModel, type RunState } from '../model/run.ts';
import { type ErrorPlace, type FailureLines, failedAttempts, nextError } from '../output/failure-lines.ts';
import { filterOfRoute } from '../output/line.ts';
import { type RunRoute, type Tab, tabs, withoutPlace } from '../route.ts';
import { openRunSession, type RunSession } from '../run-session.ts';
import { useNow, useStore } from '../store.ts';
import { Timeline } from '../timeline/timeline.tsx';
import { Alerts } from './alerts.tsx';
import { Contact } from './contact.tsx';
import { Conversation } from './conversation.tsx';
import { FailureCard } from './failure-card.tsx';
import { OutputPanel } from './output-panel.tsx';
import { Failure, Skeleton } from './parts.tsx';
import { Resources } from './resources.tsx';
import { RunHeader } from './run-header.tsx';
import { Summary } from './summary.tsx';
import { useKeys } from './use-keys.ts';

const noSteps: readonly string[] = [];

export function Run({ route }: { route: RunRoute }) {
  const [session, setSession] = useState<RunSession>();
  useEffect(() => {
    const { line, top } = route;
    const place = top === undefined ? 'middle' : 'top';
    const opened = openRunSession(route.runId, { seq: top ?? line, place, filter: filterOfRoute(route) });
    setSession(opened);
    return () => opened.close();
  }, [route.runId]);
  return session === undefined ? <Skeleton rows={10} /> : <RunView session={session} route={route} />;
}

function RunView({ session, route }: { session: RunSession; route: RunRoute }) {
  const { run, failure, status, lost } = useStore(session.store, (state) => state);
  const control = useStore(app, canControl);
  const clockMs = useNow(run !== undefined && isOpen(run.state) && lost === undefined);
  // Nobody knows what is active since then, so no clock runs on.
  const nowMs = lost?.sinceMs ?? clockMs;
  const steps = route.steps ?? noSteps;
  const show = (tab: Tab): void => {
    if (tab !== route.tab) go({ ...withoutPlace(route), tab });
  };
  const choose = (chosen: readonly string[]): void => {
    const { steps: _, ...rest } = withoutPlace(route);
    go({ ...rest, ...(chosen.length > 0 && { steps: chosen }) });
  };
  const isEndedAtFirst = useRef<boolean | undefined>(undefined);
  if (run !== undefined) isEndedAtFirst.current ??= !isOpen(run.state);
  /** A failed run opens at its error; one that is followed while it fails stays where it is. */
  const showFailure = ({ seq }: FailureLines): void => {
    const feed = session.feed();
    if (isEndedAtFirst.current === true && feed?.state().following === true) feed.showInMiddle(seq);
  };
  useRunKeys({ session, run, show, tab: route.tab });
  useCommands(tabs.map((tab, index) => ({ name: `Show ${tab}`, keys: String(index + 1), run: () => show(tab) })));
  useEffect(() => {
    if (run !== undefined) document.title = `${titleMark(run.state)}${nameOf(run)} · stepspan`;
  }, [run?.state, run?.workflow]);

  if (run === undefined) return failure === undefined ? <Skeleton rows={10} /> : <Failure failure={failure} />;
  return (
    <div class="run">
      <RunHeader run={run} steps={steps} nowMs={nowMs} asOfMs={lost?.sinceMs} control={control} />
      {status === 'refused' && (
        <p class="banner bad" role="status">
          The server sends no more of this run. Load the page again to see how it continues.
        </p>
      )}
      {lost !== undefined && <Contact lost={lost} isEnded={!isOpen(run.state)} />}
      {failure !== undefined && (
        <p class="banner bad" role="status">
          {failure.message}
        </p>
      )}
      {run.journalProblems.length > 0 && (
        <p class="banner bad" role="status">
          A part of this run cannot be read. {run.journalProblems.join(' ')}
        </p>
      )}
      <AskCards run={run} control={control} nowMs={nowMs} />
      {isBad(run.state) && (
        <FailureCard run={run} steps={steps} control={control && lost === undefined} onFound={showFailure} />
      )}
      <Graph steps={run.steps} chosen={steps} nowMs={nowMs} onChoose={choose} />
      <Tabs shown={route.tab} counts={{ output: lineCount(run), alerts: run.alerts.length }} onShow={show} />
      <Panel session={session} route={route} run={run} steps={steps} nowMs={nowMs} />
    </div>
  );
}

function useRunKeys(props: {
  session: RunSession;
  run: RunModel | undefined;
  tab: Tab;
  show: (tab: Tab) => void;
}): void {
  const { session, run, tab, show } = props;
  const place = useRef<ErrorPlace | undefined>(undefined);
  const showNextError = async (): Promise<void> => {
    const failures = run === undefined ? [] : failedAttempts(run);
    if (failures.length === 0) return;
    if (tab !== 'output') show('output');
    place.current = await nextError(session.runId, failures, place.current);
    if (place.current !== undefined) session.feed()?.showInMiddle(place.current.seq);
  };
  useKeys({
    f: () => void showNextError(),
    ...Object.fromEntries(tabs.map((each, index) => [String(index + 1), () => show(each)])),
  });
}

type TabsProps = {
  readonly shown: Tab;
  readonly counts: Readonly<Partial<Record<Tab, number>>>;
  readonly onShow: (tab: Tab) => void;
};

function Tabs({ shown, counts, onShow }: TabsProps) {
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
          {(counts[tab] ?? 0) > 0 && (
            <span class="badge" title={formatCount(counts[tab] ?? 0)}>
              {formatShortCount(counts[tab] ?? 0)}
            </span>
          )}
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
      // So that the keys can scroll it. Output, conversation and timeline scroll by themselves, and have the focus themselves.
      tabIndex={['output', 'conversation', 'timeline'].includes(route.tab) ? undefined : 0}
    >
      {route.tab === 'output' && feed !== undefined && <OutputPanel {...common} feed={feed} route={route} />}
      {route.tab === 'conversation' && (
        <Conversation
          session={session}
          run={run}
          steps={steps}
          turn={route.turn}
          onChoose={(step) => go({ ...withoutPlace(route), steps: [step] }, true)}
        />
      )}
      {route.tab === 'timeline' && <Timeline {...{ session, run, route, nowMs }} />}
      {route.tab === 'resources' && <Resources {...common} />}
      {route.tab === 'summary' && <Summary session={session} run={run} nowMs={nowMs} />}
      {route.tab === 'alerts' && <Alerts run={run} names={names} />}
    </div>
  );
}

/** Visible in a tab that is not in front. */
function titleMark(state: RunState): string {
  if (state === 'running') return '▸ ';
  if (state === 'waiting_for_you') return '? ';
  return state === 'success' ? '✓ ' : isBad(state) ? '✕ ' : '';
}
