// What a run gave and what it was started with: its steps with their cost, the files that Claude changed, its tools and models, what it
// was denied, parameters, folder, versions, the run that it continues. Called by run.tsx.
import type { ComponentChildren } from 'preact';
import { ciNames } from '../../src/core/ci.ts';
import { labelsText } from '../../src/core/labels.ts';
import { formatCount } from '../../src/core/units.ts';
import { cost, duration } from '../model/format.ts';
import { elapsedMs, type Run, type Step, stepState } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import type { RunSession } from '../run-session.ts';
import { Status } from './parts.tsx';
import { Section, Table } from './tables.tsx';
import { WorkOfClaude } from './work.tsx';

export function Summary({ session, run, nowMs }: { session: RunSession; run: Run; nowMs: number }) {
  return (
    <div class="summary">
      <StepTable run={run} nowMs={nowMs} />
      <WorkOfClaude session={session} run={run} />
      {run.models.length > 0 && <ModelTable run={run} />}
      <Findings steps={run.steps} />
      <Origin run={run} />
    </div>
  );
}

function StepTable({ run, nowMs }: { run: Run; nowMs: number }) {
  const hasClaude = run.steps.some((step) => step.kind === 'claude' || step.costAtLeastUsd > 0);
  return (
    <Section title="Steps">
      <Table
        heads={['Step', 'State', 'Time', ...(hasClaude ? ['Cost', 'Tool calls', 'Failed'] : [])]}
        rows={run.steps.map((step) => {
          const command = step.attempts.at(-1)?.command ?? '';
          return [
            <>
              {step.name}
              <span class="muted small mono block clip" title={command}>
                {command}
              </span>
            </>,
            <Status key={step.id} state={stepState(step)} />,
            step.startedAt === null ? '' : duration(elapsedMs(step, nowMs)),
            ...(hasClaude ? claudeCells(step) : []),
          ];
        })}
      />
    </Section>
  );
}

function claudeCells(step: Step): readonly string[] {
  const isFree = step.kind === 'run' && step.costAtLeastUsd === 0 && step.costBasis !== 'unknown';
  if (isFree || step.attempts.length === 0) return ['', '', ''];
  return [cost(step), formatCount(step.toolCalls), step.toolErrors === 0 ? '' : formatCount(step.toolErrors)];
}

function ModelTable({ run }: { run: Run }) {
  return (
    <Section title="Models">
      <Table
        heads={['Model', 'Cost', 'Input', 'Cache reads', 'Cache writes', 'Output']}
        rows={run.models.map((use) => [
          <span key={use.model} class="mono">
            {use.model}
          </span>,
          // A call of a model is never free: 0 is that of a model without a known price.
          cost({ costAtLeastUsd: use.costUsd, costBasis: use.costUsd === 0 ? 'unknown' : 'known' }),
          ...[use.inputTokens, use.cacheReadTokens, use.cacheCreationTokens, use.outputTokens].map(formatCount),
        ])}
      />
    </Section>
  );
}

const kindNames: Readonly<Record<Step['findings']['items'][number]['kind'], string>> = {
  denied: 'denied',
  hook_failed: 'hook failed',
  mcp_unavailable: 'MCP server not connected',
  cut: 'answer cut',
  refused: 'refused',
  unanswered: 'no result',
  subagent_failed: 'subagent failed',
};

function Findings({ steps }: { steps: readonly Step[] }) {
  const found = steps.flatMap((step) => step.findings.items.map((item) => ({ step, item })));
  if (found.length === 0) return null;
  return (
    <Section title="What Claude was denied or lacked">
      <Table
        heads={['Step', 'What', 'Of', 'About', 'Why']}
        rows={found.map(({ step, item }) => [step.name, kindNames[item.kind], item.name, item.detail, item.why ?? ''])}
      />
    </Section>
  );
}

/** What was checked out in the folder, as far as that is known. */
function checkoutOf({ versionControl }: Run): readonly (readonly [string, ComponentChildren])[] {
  if (versionControl === null) return [];
  const { url, branch, revision, isDirty } = versionControl;
  const commit =
    revision === null ? '' : `${revision}${isDirty === true ? ', with changes that are not committed' : ''}`;
  return [
    ['Repository', url ?? ''],
    ['Branch', branch ?? ''],
    ['Commit', commit],
  ];
}

function CiJob({ job: { system, url } }: { job: NonNullable<Run['ci']> }) {
  const name = ciNames[system];
  return url === null ? <span>{name}</span> : <a href={url}>{name}</a>;
}

function Origin({ run }: { run: Run }) {
  const claude = run.steps.flatMap((step) => step.attempts).findLast(({ claudeVersion }) => claudeVersion !== null);
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ['Description', run.description],
    ['Labels', labelsText(run.labels)],
    ...Object.entries(run.params).map(([name, value]) => [`Parameter ${name}`, String(value)] as const),
    ['Workflow file', run.file],
    ['Folder', run.cwd],
    ...checkoutOf(run),
    ['CI job', run.ci === null ? '' : <CiJob job={run.ci} />],
    [
      'Continues',
      run.resumedFrom === null ? (
        ''
      ) : (
        <a class="mono" href={formatRoute({ view: 'run', runId: run.resumedFrom, tab: 'summary' })}>
          {run.resumedFrom}
        </a>
      ),
    ],
    ['Model', claude?.model ?? ''],
    ['Claude Code', claude?.claudeVersion ?? ''],
    ['stepspan', run.stepspanVersion],
    ['Trace', run.traceId],
  ];
  return (
    <Section title="Started with">
      <dl class="origin">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt class="muted">{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </Section>
  );
}
