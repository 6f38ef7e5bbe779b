// The buttons that continue an ended run, and the question for another budget if its own has ended it. Called by run-header.tsx.
import { useState } from 'preact/hooks';
import { go } from '../app-state.ts';
import { failedStep, type Run, type Step, stepState } from '../model/run.ts';
import { Dialog, Icon } from './parts.tsx';
import { steer } from './steer.ts';

type Props = { readonly run: Run; readonly chosen: readonly string[] };

type Budget = { readonly usd?: number; readonly tokens?: number };

/** With the workflow as it was when the run started, or as the file is now. */
type Definition = 'same' | 'edited';

export function Retry({ run, chosen }: Props) {
  const [asking, setAsking] = useState<Definition>();
  const from = retryStep(run, chosen);
  if (from === undefined) return null;
  const retry = async (definition: Definition, budget?: Budget): Promise<void> => {
    // Only a step that somebody chose runs again from its start; what was interrupted continues.
    const body = {
      ...(chosen.includes(from.id) ? { fromStep: from.id } : {}),
      ...(definition === 'edited' ? { edited: true } : {}),
      ...(budget === undefined ? {} : { budget }),
    };
    const runId = await steer(run, 'retry', body);
    if (runId !== undefined && runId !== run.runId) go({ view: 'run', runId, tab: 'output' });
  };
  // With the budget that it had, the new run would end at once.
  const needsMore = run.alerts.some(({ rule }) => rule === 'StepspanBudgetExceeded');
  const start = (definition: Definition): void => (needsMore ? setAsking(definition) : void retry(definition));
  return (
    <>
      <button type="button" onClick={() => start('same')} title={`A new run that continues from ${from.name}`}>
        <Icon name="play" /> Retry from {from.name}
      </button>
      <button
        type="button"
        onClick={() => start('edited')}
        title="A new run with the workflow file as it is now; steps that have not changed keep their results"
      >
        Retry edited
      </button>
      {asking !== undefined && (
        <BudgetDialog
          run={run}
          onClose={() => setAsking(undefined)}
          onBudget={(budget) => void retry(asking, budget)}
        />
      )}
    </>
  );
}

function BudgetDialog(props: { run: Run; onClose: () => void; onBudget: (budget: Budget) => void }) {
  const { run } = props;
  const [usd, setUsd] = useState(suggestion(run.budgetUsd, run.costAtLeastUsd));
  const [tokens, setTokens] = useState(suggestion(run.budgetTokens, run.tokens));
  const submit = (event: Event): void => {
    event.preventDefault();
    props.onClose();
    props.onBudget({
      ...(usd === '' ? {} : { usd: Number(usd) }),
      ...(tokens === '' ? {} : { tokens: Number(tokens) }),
    });
  };
  return (
    <Dialog title="Retry with another budget" onClose={props.onClose}>
      <form class="form" onSubmit={submit}>
        <p>The budget of this run is used up. Say what it and the new run may use together.</p>
        {run.budgetUsd !== null && (
          <>
            <label for="budget-usd">US dollars</label>
            <input
              id="budget-usd"
              type="number"
              min="0.000001"
              step="any"
              required
              value={usd}
              onInput={(event) => setUsd(event.currentTarget.value)}
            />
          </>
        )}
        {run.budgetTokens !== null && (
          <>
            <label for="budget-tokens">Tokens</label>
            <input
              id="budget-tokens"
              type="number"
              min="1"
              step="1"
              required
              value={tokens}
              onInput={(event) => setTokens(event.currentTarget.value)}
            />
          </>
        )}
        <footer>
          <button type="button" onClick={props.onClose}>
            Not now
          </button>
          <button type="submit" class="primary">
            Retry
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Twice as much is a guess to start from. What is used may be over the limit: the last call is not cut short. */
function suggestion(limit: number | null, used: number): string {
  return limit === null ? '' : String(Math.ceil(2 * Math.max(limit, used) * 100) / 100);
}

/** The step that is chosen; else the one for which the run ended, which is not allowed to fail; else the first that is not done. */
function retryStep(run: Run, chosen: readonly string[]): Step | undefined {
  const [first, ...others] = run.steps.filter((step) => chosen.includes(step.id) && step.attempts.length > 0);
  if (first !== undefined && others.length === 0) return first;
  if (run.state === 'success') return undefined;
  return failedStep(run) ?? run.steps.find((step) => stepState(step) !== 'success');
}
