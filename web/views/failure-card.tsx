// Why a run failed, below its header: the step, the reason in words, the first error with the lines around it, and how to continue.
// Called by run.tsx.
import { useEffect, useState } from 'preact/hooks';
import { failedStep, type Run } from '../model/run.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import { type FailedAttempt, type FailureLines, readFailureLines } from '../output/failure-lines.ts';
import { endSeq, type OutputLine } from '../output/line.ts';
import { formatRoute } from '../route.ts';
import { Icon } from './parts.tsx';
import { say } from './toasts.tsx';

/** @param props.onFound called once with the lines */
export function FailureCard({ run, onFound }: { run: Run; onFound: (found: FailureLines) => void }) {
  const step = failedStep(run);
  const attempt = step?.attempts.at(-1);
  const failed = step === undefined || attempt === undefined ? undefined : { step, attempt };
  const { found, isReading } = useFailureLines(run.runId, failed, onFound);
  const outcome = step?.outcome ?? null;
  const reason = outcome === null || outcome.kind === 'success' ? run.message : outcome.message;
  const resume = `stepspan resume ${run.runId}`;
  const text = (found?.lines ?? []).map(textOf);
  return (
    <section class="failure card" aria-label="Why it failed">
      <header>
        <strong>{step === undefined ? 'The run failed' : `${step.name} failed`}</strong>
        <span class="bad clip" title={reason}>
          {reason}
        </span>
        <span class="grow" />
        {found !== undefined && (
          <a href={formatRoute({ view: 'run', runId: run.runId, tab: 'output', line: found.seq })}>
            Show in the output
          </a>
        )}
        <CopyButton label="Copy the reason and its lines" text={[reason, ...text].join('\n')} />
      </header>
      <ol aria-busy={isReading}>
        {found?.lines.map((line, index) => (
          <li key={line.seq} class={isErrorLine(line, found) ? 'error' : ''}>
            {text[index]}
          </li>
        ))}
        {found === undefined && !isReading && <li class="muted">It printed nothing.</li>}
      </ol>
      <footer>
        <span class="label muted">Continue in a terminal:</span> <code class="clip">{resume}</code>
        <CopyButton label="Copy the command" text={resume} />
      </footer>
    </section>
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

function textOf(line: OutputLine): string {
  return plainText(parseLine(line.text).runs).trimEnd();
}

function isErrorLine(line: OutputLine, { seq }: FailureLines): boolean {
  return line.severity === 'error' && line.seq <= seq && seq <= endSeq(line);
}

function CopyButton({ label, text }: { label: string; text: string }) {
  const copy = (): void => void navigator.clipboard?.writeText(text).then(() => say('Copied.'));
  return (
    <button type="button" class="icon" aria-label={label} title={label} onClick={copy}>
      <Icon name="copy" />
    </button>
  );
}
