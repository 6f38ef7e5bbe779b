// Starts a workflow of a folder that the server allows, with its parameters.
import { useEffect, useState } from 'preact/hooks';
import type { DoneAnswer, WorkflowsAnswer } from '../../src/api/schema/answers.ts';
import { getJson, postJson } from '../api/http.ts';
import { go } from '../app-state.ts';
import { Dialog, Skeleton } from './parts.tsx';
import { say } from './toasts.tsx';

type Workflow = WorkflowsAnswer['workflows'][number];

export function StartDialog({ onClose }: { onClose: () => void }) {
  const [workflows, setWorkflows] = useState<readonly Workflow[]>();
  const [file, setFile] = useState('');
  const [params, setParams] = useState<Params>({});
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    void getJson<WorkflowsAnswer>('/workflows').then((answer) => {
      setWorkflows(answer.ok ? answer.value.workflows : []);
      if (!answer.ok) setProblem(answer.failure.message);
      else setFile(answer.value.workflows.find((one) => one.problem === '')?.file ?? '');
    });
  }, []);
  const usable = workflows?.filter((one) => one.problem === '') ?? [];
  const broken = workflows?.filter((one) => one.problem !== '') ?? [];
  const chosen = workflows?.find((one) => one.file === file);
  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ''));
    const answer = await postJson<DoneAnswer>('/runs', { workflow: file, params: given });
    setBusy(false);
    if (!answer.ok) return setProblem(`${answer.failure.message} ${answer.failure.fix}`.trim());
    say(answer.value.message);
    onClose();
    go({ view: 'run', runId: answer.value.runId, tab: 'output' });
  };
  return (
    <Dialog title="Start a workflow" onClose={onClose}>
      <form class="form" onSubmit={(event) => void start(event)}>
        {workflows === undefined && <Skeleton rows={3} />}
        {workflows?.length === 0 && problem === '' && <p>The allowed folders hold no workflow.</p>}
        {broken.length > 0 && (
          <>
            <p>{usable.length === 0 ? 'None of the workflows can be started:' : 'These cannot be started:'}</p>
            <ul class="broken">
              {broken.map((one) => (
                <li key={one.file}>
                  <code>{one.file}</code> <span class="bad">{one.problem}</span>
                </li>
              ))}
            </ul>
          </>
        )}
        {usable.length > 0 && (
          <WorkflowFields
            workflows={usable}
            chosen={chosen}
            params={params}
            onChoose={(next) => {
              setFile(next);
              setParams({});
            }}
            onParams={setParams}
          />
        )}
        <p class="bad" role="alert">
          {problem}
        </p>
        <footer>
          <button type="button" onClick={onClose}>
            Not now
          </button>
          <button type="submit" class="primary" disabled={busy || chosen === undefined}>
            Start
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

type Params = Readonly<Record<string, string>>;

function WorkflowFields(props: {
  workflows: readonly Workflow[];
  chosen: Workflow | undefined;
  params: Params;
  onChoose: (file: string) => void;
  onParams: (params: Params) => void;
}) {
  const { workflows, chosen, params } = props;
  return (
    <>
      <label for="workflow">Workflow</label>
      <select id="workflow" value={chosen?.file} onChange={(event) => props.onChoose(event.currentTarget.value)}>
        {workflows.map((one) => (
          <option key={one.file} value={one.file}>
            {one.name || one.file}
          </option>
        ))}
      </select>
      <p class="muted">{chosen?.description}</p>
      {chosen?.params.map((param) => (
        <div key={param.name} class="form">
          <label for={`param-${param.name}`}>
            {param.name} {param.required && <span class="muted">(required)</span>}
          </label>
          <input
            id={`param-${param.name}`}
            required={param.required}
            placeholder={param.default === null ? '' : String(param.default)}
            value={params[param.name] ?? ''}
            onInput={(event) => props.onParams({ ...params, [param.name]: event.currentTarget.value })}
          />
          {param.description !== '' && <p class="muted">{param.description}</p>}
        </div>
      ))}
    </>
  );
}
