// What a run gave and what it was started with: its steps with their cost and tools, the models, what Claude was denied, parameters,
// folder, versions, the run that it continues. Called by run.tsx.
import type { ComponentChildren } from 'preact';
import { formatCount } from '../../src/core/units.ts';
import { cost, duration } from '../model/format.ts';
import { elapsedMs, type Run, type Step, stepState } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import { Status } from './parts.tsx';

export function Summary({ run, nowMs }: { run: Run; nowMs: number }) {
  return (
    <div class="summary">
      <StepTable run={run} nowMs={nowMs} />
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

function Origin({ run }: { run: Run }) {
  const claude = run.steps.flatMap((step) => step.attempts).findLast(({ claudeVersion }) => claudeVersion !== null);
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ['Description', run.description],
    ...Object.entries(run.params).map(([name, value]) => [`Parameter ${name}`, String(value)] as const),
    ['Workflow file', run.file],
    ['Folder', run.cwd],
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

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Its first column names the rows; what is behind the second is numbers in most tables, and short. */
function Table({ heads, rows }: { heads: readonly string[]; rows: readonly (readonly ComponentChildren[])[] }) {
  return (
    <div class="table-wrap" tabIndex={0} role="group" aria-label={`Table of ${heads[0]}`}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...cells], at) => (
            <tr key={at}>
              <th scope="row">{first}</th>
              {cells.map((cell, index) => (
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
