// What Claude did in a run: the files that it changed, each with its changes, and its tools by name. Called by summary.tsx.
import { useEffect, useState } from 'preact/hooks';
import type { WorkAnswer } from '../../src/api/schema/answers.ts';
import { formatCount, plural } from '../../src/core/units.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { Diff } from '../conversation/diff.tsx';
import { isOpen, type Run } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Failure, Skeleton } from './parts.tsx';
import { Section, Table } from './tables.tsx';

export function WorkOfClaude({ session, run }: { session: RunSession; run: Run }) {
  const hasClaude = run.steps.some(({ kind, toolCalls }) => kind === 'claude' || toolCalls > 0);
  const { work, failure } = useWork(session, run, hasClaude);
  if (!hasClaude) return null;
  if (failure !== undefined && work === undefined) return <Failure failure={failure} />;
  return (
    <>
      <Section title="Files that Claude changed">
        {work === undefined ? <Skeleton rows={3} /> : <Files run={run} files={work.files} />}
      </Section>
      {work !== undefined && work.tools.length > 0 && (
        <Section title="Tools">
          <Table
            heads={['Tool', 'Calls', 'Failed', 'Denied']}
            rows={work.tools.map(({ name, calls, errors, denials }) => [
              name,
              ...[calls, errors, denials].map(orNothing),
            ])}
          />
        </Section>
      )}
    </>
  );
}

function orNothing(number: number): string {
  return number === 0 ? '' : formatCount(number);
}

function Files({ run, files }: { run: Run; files: WorkAnswer['files'] }) {
  if (files.length === 0)
    return <p class="muted">{isOpen(run.state) ? 'None yet.' : 'None.'} What commands change is not counted.</p>;
  return (
    <>
      <ul class="changed-files">
        {files.map((file) => (
          <li key={file.file}>
            <ChangedFile run={run} file={file} />
          </li>
        ))}
      </ul>
      <p class="muted small">Lines are counted over all changes. What commands change is not counted.</p>
    </>
  );
}

function ChangedFile({
  run,
  file: { file, added, removed, isNew, changes },
}: {
  run: Run;
  file: WorkAnswer['files'][number];
}) {
  const [isShown, setIsShown] = useState(false);
  const names = new Map(run.steps.map(({ id, name }) => [id, name]));
  const path = shortPath(file, run.cwd);
  return (
    <details class="call" onToggle={(event) => setIsShown(event.currentTarget.open)}>
      <summary>
        <span class="target mono" title={file}>
          <span class="clip">{folderIn(path)}</span>
          <span class="clip">{path.slice(folderIn(path).length)}</span>
        </span>
        <span class="facts-of tabular">
          {isNew && <span>new</span>}
          {changes.length > 1 && <span>{plural(changes.length, 'change')}</span>}
          <span>
            <span class="added">+{formatCount(added)}</span> <span class="removed">−{formatCount(removed)}</span>
          </span>
        </span>
      </summary>
      {isShown && (
        <div class="inside">
          {changes.map(({ seq, step, attempt, patch }) => (
            <div key={seq}>
              <a
                class="small"
                href={formatRoute({ view: 'run', runId: run.runId, tab: 'conversation', steps: [step], turn: seq })}
              >
                {names.get(step) ?? step}
                {attempt > 1 && `, attempt ${attempt}`}: show in the conversation
              </a>
              <Diff patch={patch} />
            </div>
          ))}
        </div>
      )}
    </details>
  );
}

/** With its slash: it is shortened before the name of the file is. */
function folderIn(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** From the folder of the workflow, for a file below it. */
function shortPath(file: string, cwd: string): string {
  return cwd !== '/' && file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;
}

/** How long after something that Claude did the server is asked again: it reads what is new only. */
const refreshMs = 1_000;

function useWork(session: RunSession, run: Run, hasClaude: boolean) {
  const [state, setState] = useState<{ readonly work?: WorkAnswer; readonly failure?: ApiFailure }>({});
  const events = useStore(session.store, ({ claudeEvents }) => claudeEvents);
  useEffect(() => {
    if (!hasClaude) return;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const answer = await getJson<WorkAnswer>(`/runs/${run.runId}/work`, abort.signal);
      if (abort.signal.aborted) return;
      if (answer.ok) setState({ work: answer.value });
      else setState((before) => ({ ...before, failure: answer.failure }));
    };
    const timer = setTimeout(() => void ask(), state.work === undefined ? 0 : refreshMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [run.runId, hasClaude, events]);
  return state;
}
