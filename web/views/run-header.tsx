// The head of a run: what it is, its state, what happens now, when it will be done, what it cost, and what can be done with it.
// Called by run.tsx.
import { useEffect, useState } from 'preact/hooks';
import type { RunList } from '../../src/api/schema/run.ts';
import { formatElapsed } from '../../src/core/duration.ts';
import { formatCount, formatStepCounts } from '../../src/core/units.ts';
import { getJson } from '../api/http.ts';
import { type Command, useCommands } from '../commands.ts';
import { differences } from '../model/compare.ts';
import { isFree } from '../model/fleet.ts';
import { cost, count, duration, fullTime, money, timeOfDay } from '../model/format.ts';
import { elapsedMs, isBad, isOpen, lineCount, msOf, nameOf, type Run, type RunRow, tokensOf } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import { CompareDialog } from './compare-dialog.tsx';
import { Dialog, Icon, LabelChips, Status, Warnings } from './parts.tsx';
import { Retry } from './retry.tsx';
import { steer } from './steer.ts';
import { say } from './toasts.tsx';
import { useKeys } from './use-keys.ts';

export function RunHeader(props: {
  run: Run;
  /** Those that are chosen. */
  steps: readonly string[];
  nowMs: number;
  /** When the server was heard last, while it does not answer. */
  asOfMs: number | undefined;
  control: boolean;
}) {
  const { run, nowMs } = props;
  const open = isOpen(run.state);
  return (
    <header class="run-head">
      <div class="run-title">
        <h1 title={run.description}>{nameOf(run)}</h1>
        <Status state={run.state} />
        {open && props.asOfMs !== undefined && <span class="muted">as of {timeOfDay(props.asOfMs)}</span>}
        {open && run.paused === null && run.cause !== '' && <span class="muted">{causeText(run, nowMs)}</span>}
        <Warnings count={run.warnings} />
        <LabelChips labels={run.labels} areLinks />
        {run.paused !== null && (
          <span class="muted">
            by {run.paused.by}; {run.paused.now ? 'what runs is frozen' : 'what runs may end, nothing new starts'}
          </span>
        )}
        <button
          type="button"
          class="quiet mono"
          title="Copy the id"
          onClick={() => void navigator.clipboard?.writeText(run.runId).then(() => say('The id is copied.'))}
        >
          {run.runId}
        </button>
        <span class="grow" />
        {run.links.map((link) => (
          <a key={link.url} class="button" href={link.url} target="_blank" rel="noopener noreferrer">
            {link.label} <Icon name="out" />
          </a>
        ))}
        <CompareWith run={run} />
        {props.control ? (
          // Nobody is there who could carry it out.
          <fieldset class="bare" disabled={props.asOfMs !== undefined}>
            <Controls run={run} chosen={props.steps} />
          </fieldset>
        ) : (
          <span
            class="muted"
            title="This browser came in with a link for looking. `stepspan link` prints one that may act."
          >
            read only
          </span>
        )}
      </div>
      <div class="doing-now">
        <Activity run={run} nowMs={nowMs} />
        <Advice run={run} />
      </div>
      <progress class={`s-${run.state}`} max={100} value={run.progress} aria-label="Progress of the run" />
      <Facts run={run} nowMs={nowMs} />
    </header>
  );
}

/** How far, how long, at what cost; and why, if there is something to say. */
function Facts({ run, nowMs }: { run: Run; nowMs: number }) {
  const open = isOpen(run.state);
  const elapsed = elapsedMs(run, nowMs) ?? 0;
  return (
    <dl class="facts">
      <Fact name="Steps" value={formatStepCounts(run)} />
      <Fact
        name="Time"
        value={open ? formatElapsed(elapsed) : duration(elapsed)}
        title={fullTime(msOf(run.startedAt))}
      />
      {run.waitingUntil !== null ? (
        <Fact
          name="Waits for a limit until"
          value={timeOfDay(Date.parse(run.waitingUntil))}
          title={fullTime(Date.parse(run.waitingUntil))}
        />
      ) : (
        open && <Fact name="Done at" value={eta(run, nowMs)} />
      )}
      {(!isFree(run) || run.budgetUsd !== null) && (
        <Fact name="Cost" value={`${costAlone(run)}${run.budgetUsd === null ? '' : ` of ${money(run.budgetUsd)}`}`} />
      )}
      {!isFree(run) && <Fact name="Tokens" value={count(tokensOf(run), 'unknown')} />}
      <Fact name="Lines" value={formatCount(lineCount(run))} />
      {!open && <SinceLastSuccess run={run} />}
      {run.resumedFrom !== null && (
        <div>
          <dt>Continues</dt>
          <dd>
            <a class="mono" href={formatRoute({ view: 'run', runId: run.resumedFrom, tab: 'summary' })}>
              {run.resumedFrom}
            </a>
          </dd>
        </div>
      )}
      {run.message !== '' && !isBad(run.state) && <Fact name="Why" value={run.message} wide />}
      {warningsOf(run).map(({ step, text }) => (
        <Fact key={step} name={`Warnings: ${step}`} value={text} wide />
      ))}
    </dl>
  );
}

/** What happens now, in one line: step, tool or last sentence, for how long, at what cost. Empty while it waits or has ended. */
function Activity({ run, nowMs }: { run: Run; nowMs: number }) {
  const { activity } = run;
  if (!isOpen(run.state)) return null;
  // An empty line between two steps, so that nothing moves.
  if (activity === null) return <p class="now" />;
  const name = run.steps.find(({ id }) => id === activity.step)?.name ?? activity.step;
  const sinceMs = msOf(activity.since);
  const parts = [
    ...(sinceMs === undefined ? [] : [formatElapsed(Math.max(0, nowMs - sinceMs))]),
    ...(activity.cost.costAtLeastUsd > 0 ? [cost(activity.cost)] : []),
  ];
  return (
    <p class="now clip" title={activity.text}>
      <strong>{name}</strong>
      {activity.text === '' ? '' : `: ${activity.text}`}
      {parts.length > 0 && <span class="muted tabular">, {parts.join(', ')}</span>}
    </p>
  );
}

/** What a person can do about a run that makes no progress. */
function Advice({ run }: { run: Run }) {
  const advice = adviceOf(run);
  return advice === '' ? null : <p class="advice muted">{advice}</p>;
}

function adviceOf({ state, waitingUntil, cause }: Run): string {
  switch (state) {
    case 'stuck':
      return cause === 'no exit after the result'
        ? 'It has answered and does not end: cancel the run if it hangs.'
        : 'Its last lines may say what it waits for; cancel the run if it hangs.';
    case 'waiting':
      return waitingUntil === null
        ? 'It continues when the limit ends.'
        : 'It continues by itself; cancel the run to stop waiting.';
    case 'paused':
      return 'Resume it to continue.';
    case 'over_budget':
      return 'It ends; retry it with a larger budget.';
    default:
      return '';
  }
}

/** Why it makes no progress, and for how long. */
function causeText({ cause, since }: Run, nowMs: number): string {
  const sinceMs = msOf(since);
  return sinceMs === undefined ? cause : `${cause}, ${formatElapsed(Math.max(0, nowMs - sinceMs))}`;
}

/** Whether it was slower or dearer than the last run of the workflow that succeeded, and the way to the comparison. */
function SinceLastSuccess({ run }: { run: Run }) {
  const [last, setLast] = useState<RunRow>();
  useEffect(() => {
    const query = new URLSearchParams({ workflow: run.workflow, state: 'success', before: run.runId, limit: '1' });
    const abort = new AbortController();
    void getJson<RunList>(`/runs?${query}`, abort.signal).then((answer) => {
      if (answer.ok && !abort.signal.aborted) setLast(answer.value.runs[0]);
    });
    return () => abort.abort();
  }, [run.runId]);
  if (last === undefined) return null;
  const found = differences(run, last);
  return (
    <div>
      <dt>Since the last success</dt>
      <dd>
        {found.length === 0 ? 'no difference' : found.join(', ')}{' '}
        <a href={formatRoute({ view: 'compare', left: last.runId, right: run.runId })}>Compare</a>
      </dd>
    </div>
  );
}

/** Beside the name `Cost`, which `cost unknown` would say twice. */
function costAlone(run: Run): string {
  return run.costBasis === 'unknown' && run.costAtLeastUsd === 0 ? 'unknown' : cost(run);
}

/** An estimate moves with the clock once its time has come, and would say `0 s` all along. */
const soonestMs = 1_000;

function eta(run: Run, nowMs: number): string {
  const etaMs = msOf(run.estimatedCompletion);
  if (run.state !== 'running' || etaMs === undefined) return '–';
  // A time in the past would be worse than saying that the estimate was wrong.
  if (etaMs - nowMs < soonestMs) return 'later than expected';
  return `${timeOfDay(etaMs)} (${formatElapsed(etaMs - nowMs)})`;
}

function Fact({ name, value, title, wide }: { name: string; value: string; title?: string; wide?: boolean }) {
  return (
    <div class={wide ? 'wide' : ''} title={title ?? (wide ? value : '')}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** The way to the comparison with any other run of the workflow. */
function CompareWith({ run }: { run: Run }) {
  const [isAsking, setIsAsking] = useState(false);
  const copyId = (): void => void navigator.clipboard?.writeText(run.runId).then(() => say('The id is copied.'));
  useCommands([
    { name: 'Compare with another run', run: () => setIsAsking(true) },
    { name: 'Copy the id of the run', run: copyId },
  ]);
  return (
    <>
      <button
        type="button"
        class="wide-only"
        onClick={() => setIsAsking(true)}
        title="Compare with another run of the workflow"
      >
        Compare
      </button>
      {isAsking && <CompareDialog run={run} onClose={() => setIsAsking(false)} />}
    </>
  );
}

function Controls({ run, chosen }: { run: Run; chosen: readonly string[] }) {
  const [asking, setAsking] = useState<'cancel' | 'pause' | undefined>();
  useCommands(commandsOf(run, setAsking));
  useKeys({
    p: () => {
      if (!isOpen(run.state) || run.state === 'cancelling') return;
      if (run.paused === null) setAsking('pause');
      else void steer(run, 'resume');
    },
  });
  // A run that failed is continued from the card that says why.
  if (!isOpen(run.state)) return isBad(run.state) ? null : <Retry run={run} chosen={chosen} />;
  return (
    <>
      {run.paused === null ? (
        <button
          type="button"
          disabled={run.state === 'cancelling'}
          onClick={() => setAsking('pause')}
          title="Pause (p)"
        >
          <Icon name="pause" /> Pause
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => void steer(run, 'resume')} title="Resume (p)">
          <Icon name="play" /> Resume
        </button>
      )}
      <button type="button" class="danger" disabled={run.state === 'cancelling'} onClick={() => setAsking('cancel')}>
        <Icon name="stop" /> Cancel
      </button>
      {asking === 'cancel' && (
        <Dialog title="Cancel this run?" onClose={() => setAsking(undefined)}>
          <p>What runs now is ended, and the steps that are left are not started. This cannot be taken back.</p>
          <footer>
            <button type="button" onClick={() => setAsking(undefined)}>
              Keep it running
            </button>
            <button
              type="button"
              class="danger"
              onClick={() => {
                setAsking(undefined);
                void steer(run, 'cancel');
              }}
            >
              Cancel the run
            </button>
          </footer>
        </Dialog>
      )}
      {asking === 'pause' && <PauseDialog run={run} onClose={() => setAsking(undefined)} />}
    </>
  );
}

function commandsOf(run: Run, ask: (what: 'cancel' | 'pause') => void): readonly Command[] {
  if (!isOpen(run.state) || run.state === 'cancelling') return [];
  return [
    run.paused === null
      ? { name: 'Pause the run', keys: 'p', run: () => ask('pause') }
      : { name: 'Resume the run', keys: 'p', run: () => void steer(run, 'resume') },
    { name: 'Cancel the run', run: () => ask('cancel') },
  ];
}

function PauseDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const pause = (body: object = {}): void => {
    onClose();
    void steer(run, 'pause', body);
  };
  return (
    <Dialog title="Pause this run" onClose={onClose}>
      <p>
        Hold the next step and let what runs end; a Claude step with <code>ask</code> stops when the call that it makes
        has ended. Or freeze what runs now: a frozen step may lose its network connections.
      </p>
      <footer>
        <button type="button" onClick={() => pause({ now: true })}>
          Freeze now
        </button>
        <button type="button" class="primary" onClick={() => pause()}>
          Hold the next step
        </button>
      </footer>
    </Dialog>
  );
}

/** What steps were denied or lacked although they ended: in the header, as nobody looks further into a green run. */
function warningsOf(run: Run): readonly { readonly step: string; readonly text: string }[] {
  return run.steps.filter(({ warning }) => warning !== '').map(({ name, warning }) => ({ step: name, text: warning }));
}
