// The head of a run: what it is, how it stands, how long still, what it cost, and what can be done with it.
import { useState } from 'preact/hooks';
import { formatElapsed } from '../../src/core/duration.ts';
import { formatCount } from '../../src/core/units.ts';
import { cost, count, duration, fullTime, money, timeOfDay } from '../model/format.ts';
import { isOpen, type RunView } from '../model/run-view.ts';
import { Dialog, Icon, Status, Warnings } from './parts.tsx';
import { Retry } from './retry.tsx';
import { steer } from './steer.ts';
import { say } from './toasts.tsx';

export function RunHeader(props: {
  run: RunView;
  /** Those that are chosen. */
  steps: readonly string[];
  nowMs: number;
  control: boolean;
  refresh: () => void;
}) {
  const { run, nowMs } = props;
  const open = isOpen(run.status);
  const elapsed = run.status === 'running' && run.startedMs !== undefined ? nowMs - run.startedMs : run.durationMs;
  return (
    <header class="run-head">
      <div class="run-title">
        <h1 title={run.description}>{run.workflow === '' ? '(no name)' : run.workflow}</h1>
        <Status status={run.status} />
        <Warnings count={run.warnings} />
        {run.paused !== undefined && (
          <span class="muted">
            by {run.paused.by}; {run.paused.now ? 'what runs is frozen' : 'what runs may end, nothing new starts'}
          </span>
        )}
        <button
          type="button"
          class="quiet mono"
          title="Copy the id"
          onClick={() => void navigator.clipboard?.writeText(run.id).then(() => say('The id is copied.'))}
        >
          {run.id}
        </button>
        <span class="grow" />
        {run.links.map((link) => (
          <a key={link.url} class="button" href={link.url} target="_blank" rel="noopener noreferrer">
            {link.label} <Icon name="out" />
          </a>
        ))}
        {props.control ? (
          <Controls run={run} chosen={props.steps} refresh={props.refresh} />
        ) : (
          <span
            class="muted"
            title="This browser came in with a link for looking. `stepspan link` prints one that may act."
          >
            read only
          </span>
        )}
      </div>
      <progress class={`s-${run.status}`} max={100} value={run.progress} aria-label="Progress of the run" />
      <dl class="facts">
        <Fact name="Steps" value={`${run.steps.done} of ${run.steps.total}`} />
        <Fact name="Time" value={open ? formatElapsed(elapsed) : duration(elapsed)} title={fullTime(run.startedMs)} />
        {run.waitingUntilMs !== undefined ? (
          <Fact
            name="Waits for a limit until"
            value={timeOfDay(run.waitingUntilMs)}
            title={fullTime(run.waitingUntilMs)}
          />
        ) : (
          open && <Fact name="Done at" value={eta(run, nowMs)} />
        )}
        <Fact
          name="Cost"
          value={`${costAlone(run)}${run.budgetUsd === undefined ? '' : ` of ${money(run.budgetUsd)}`}`}
        />
        <Fact name="Tokens" value={count(run.tokens)} />
        <Fact name="Lines" value={formatCount(run.lines)} />
        {run.message !== '' && <Fact name="Why" value={run.message} wide />}
        {warningsOf(run).map(({ step, text }) => (
          <Fact key={step} name={`Warnings: ${step}`} value={text} wide />
        ))}
      </dl>
    </header>
  );
}

/** Beside the name `Cost`, which `cost unknown` would say twice. */
function costAlone(run: RunView): string {
  return run.costBasis === 'unknown' && run.costUsd === 0 ? 'unknown' : cost(run);
}

/** An estimate moves with the clock once its time has come, and would say `0 s` all along. */
const soonestMs = 1_000;

function eta(run: RunView, nowMs: number): string {
  if (run.status !== 'running' || run.etaMs === undefined) return '–';
  // An estimate that time has passed is none; saying a time in the past would be worse than saying so.
  if (run.etaMs - nowMs < soonestMs) return 'later than expected';
  return `${timeOfDay(run.etaMs)} (${formatElapsed(run.etaMs - nowMs)})`;
}

function Fact({ name, value, title, wide }: { name: string; value: string; title?: string; wide?: boolean }) {
  return (
    <div class={wide ? 'wide' : ''} title={title ?? (wide ? value : '')}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Controls({ run, chosen, refresh }: { run: RunView; chosen: readonly string[]; refresh: () => void }) {
  const [asking, setAsking] = useState<'cancel' | 'pause' | undefined>();
  if (!isOpen(run.status)) return <Retry run={run} chosen={chosen} refresh={refresh} />;
  return (
    <>
      {run.paused === undefined ? (
        <button
          type="button"
          disabled={run.status === 'cancelling'}
          onClick={() => setAsking('pause')}
          title="Pause (p)"
        >
          <Icon name="pause" /> Pause
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => void steer(run, 'resume', refresh)} title="Resume (p)">
          <Icon name="play" /> Resume
        </button>
      )}
      <button type="button" class="danger" disabled={run.status === 'cancelling'} onClick={() => setAsking('cancel')}>
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
                void steer(run, 'cancel', refresh);
              }}
            >
              Cancel the run
            </button>
          </footer>
        </Dialog>
      )}
      {asking === 'pause' && (
        <Dialog title="Pause this run" onClose={() => setAsking(undefined)}>
          <p>
            Hold the next step, and let what runs end; or freeze what runs now as well. A frozen step may lose its
            network connections.
          </p>
          <footer>
            <button
              type="button"
              onClick={() => {
                setAsking(undefined);
                void steer(run, 'pause', refresh, { now: true });
              }}
            >
              Freeze now
            </button>
            <button
              type="button"
              class="primary"
              onClick={() => {
                setAsking(undefined);
                void steer(run, 'pause', refresh);
              }}
            >
              Hold the next step
            </button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

/** What steps were denied or lacked although they ended: at the head, as a green run is not looked at further. */
function warningsOf(run: RunView): readonly { readonly step: string; readonly text: string }[] {
  return run.stepList
    .filter(({ warning }) => warning !== '')
    .map(({ name, warning }) => ({ step: name, text: warning }));
}
