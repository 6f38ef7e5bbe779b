// Why a run failed, below its header: the step, the reason in words, the first error with the lines around it, earlier runs with the
// same error, and how to continue. Called by run.tsx.
import { useEffect, useState } from 'preact/hooks';
import { age } from '../model/format.ts';
import { failedStep, msOf, type Run, type RunRow } from '../model/run.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import {
  errorText,
  type FailedAttempt,
  type FailureLines,
  findSameError,
  readFailureLines,
} from '../output/failure-lines.ts';
import { endSeq, type OutputLine } from '../output/line.ts';
import { formatRoute } from '../route.ts';
import { AnsiText, CopyButton } from './parts.tsx';
import { Retry } from './retry.tsx';

type Props = {
  readonly run: Run;
  /** Those that are chosen. */
  readonly steps: readonly string[];
  /** Whether this browser may act. */
  readonly control: boolean;
  /** Called once with the lines. */
  readonly onFound: (found: FailureLines) => void;
};

export function FailureCard({ run, steps, control, onFound }: Props) {
  const step = failedStep(run);
  const attempt = step?.attempts.at(-1);
  const failed = step === undefined || attempt === undefined ? undefined : { step, attempt };
  const { found, isReading } = useFailureLines(run.runId, failed, onFound);
  const outcome = step?.outcome ?? null;
  const reason = outcome === null || outcome.kind === 'success' ? run.message : outcome.message;
  const resume = `stepspan resume ${run.runId}`;
  const lines = found === undefined ? [] : parsedLines(found.lines);
  const text = lines.map(({ runs }) => plainText(runs).trimEnd());
  const link =
    found === undefined ? undefined : formatRoute({ view: 'run', runId: run.runId, tab: 'output', line: found.seq });
  return (
    <section class="failure card" aria-label="Why it failed">
      <header>
        <strong>{step === undefined ? 'The run failed' : `${step.name} failed`}</strong>
        <span class="bad clip" title={reason}>
          {reason}
        </span>
        <span class="grow" />
        {link !== undefined && (
          <>
            <a href={link}>Show in the output</a>
            <CopyButton label="Copy a link to the error" icon="link" text={new URL(link, location.href).href} />
          </>
        )}
        <CopyButton label="Copy the reason and its lines" text={[reason, ...text].join('\n')} />
      </header>
      <ol aria-busy={isReading}>
        {lines.map(({ line, runs }) => (
          <li key={line.seq} class={found !== undefined && isErrorLine(line, found) ? 'error' : ''}>
            <AnsiText runs={runs} />
          </li>
        ))}
        {found === undefined && !isReading && <li class="muted">It printed nothing.</li>}
      </ol>
      <footer>
        {control && <Retry run={run} chosen={steps} />}
        <span class="label muted">{control ? 'or in a terminal:' : 'Continue in a terminal:'}</span>{' '}
        <code class="clip">{resume}</code>
        <CopyButton label="Copy the command" text={resume} />
        <span class="grow" />
        {!isReading && <SameError run={run} error={errorText(run, found)} />}
      </footer>
    </section>
  );
}

/** Whether the error is new: earlier runs of the workflow that it ended as well. */
function SameError({ run, error }: { run: Run; error: string }) {
  const [same, setSame] = useState<readonly RunRow[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    void findSameError(run, error, abort.signal).then((rows) => {
      if (!abort.signal.aborted) setSame(rows);
    });
    return () => abort.abort();
  }, [run.runId, error]);
  const [latest] = same;
  if (latest === undefined) return null;
  return (
    <span class="also muted">
      Also in{' '}
      <a href={formatRoute({ view: 'run', runId: latest.runId, tab: 'output' })}>
        <span class="mono">{latest.runId}</span>
      </a>
      , {age(msOf(latest.startedAt), Date.now())}
      {same.length > 1 && `, and in ${same.length - 1} before`}
    </span>
  );
}

function useFailureLines(
  runId: string,
  failed: FailedAttempt | undefined,
  onFound: (found: FailureLines) => void,
): { readonly found: FailureLines | undefined; readonly isReading: boolean } {
  const [found, setFound] = useState<FailureLines>();
  const [isReading, setIsReading] = useState(failed !== undefined);
  useEffect(() => {
    if (failed === undefined) return;
    const abort = new AbortController();
    void readFailureLines(runId, failed, abort.signal).then((lines) => {
      if (abort.signal.aborted) return;
      setFound(lines);
      setIsReading(false);
      if (lines !== undefined) onFound(lines);
    });
    return () => abort.abort();
  }, [runId, failed?.step.id, failed?.attempt.number]);
  return { found, isReading };
}

/** Colours carry on over line ends within a stream. */
function parsedLines(lines: readonly OutputLine[]) {
  const inForce = new Map<string, string>();
  return lines.map((line) => {
    const { runs, sgr } = parseLine(line.text, inForce.get(line.stream));
    inForce.set(line.stream, sgr);
    return { line, runs };
  });
}

function isErrorLine(line: OutputLine, { seq }: FailureLines): boolean {
  return line.severity === 'error' && line.seq <= seq && seq <= endSeq(line);
}
