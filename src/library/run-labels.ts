// The labels of a run: what its CI job says, over it those of its workflow, over them what the runs that it continues were given, and
// over them what it is given itself.
// An empty value leaves a label out. Called by run-workflow.ts.

import type { CiJob } from '../core/event.ts';
import {
  type Labels,
  labelKeyPattern,
  labelKeyRule,
  labelValue,
  problemOfLabelCount,
  problemOfLabelValue,
  withoutEmpty,
} from '../core/labels.ts';
import { renderTemplate, type Workflow } from '../workflow/index.ts';
import { labelsOfCi } from './ci-job.ts';
import type { Past } from './read-past.ts';
import type { Unsuited } from './refusal.ts';

export type RunLabels = { readonly kind: 'ready'; readonly labels: Labels } | Unsuited;

/**
 * @param earlier what the run that is continued was given, from `givenLabels`
 * @param given what this run is given
 * @param ci the job that starts it; its labels do not count, so that a workflow with all that it may have starts there too
 */
export function labelsOfRun(workflow: Workflow, earlier: Labels, given: Labels, ci: CiJob | undefined): RunLabels {
  for (const [key, value] of Object.entries(given)) {
    const problem = labelKeyPattern.test(key)
      ? problemOfLabelValue(value, `the label \`${key}\``)
      : { message: `"${key}" cannot be the key of a label`, fix: labelKeyRule };
    if (problem !== undefined) return unsuited(`${problem.message}; ${problem.fix}`);
  }
  const own = { ...renderLabels(workflow), ...earlier, ...given };
  const tooMany = problemOfLabelCount(Object.keys(withoutEmpty(own)).length);
  return tooMany === undefined
    ? { kind: 'ready', labels: withoutEmpty({ ...labelsOfCi(ci), ...own }) }
    : unsuited(`${tooMany.message}; ${tooMany.fix}`);
}

/** How the labels of an earlier run differ from those that it had by itself; one that was left out is empty. */
export function givenLabels({ workflow, state }: Pick<Past, 'workflow' | 'state'>): Labels {
  const own = { ...labelsOfCi(state.ci), ...renderLabels(workflow) };
  const keys = [...new Set([...Object.keys(own), ...Object.keys(state.labels)])];
  const given = keys.filter((key) => labelValue(own, key) !== labelValue(state.labels, key));
  return Object.fromEntries(given.map((key) => [key, labelValue(state.labels, key) ?? '']));
}

/** With the values of params in them; the checks of the workflow have found what could not be rendered. */
function renderLabels({ labels, paramValues }: Workflow): Labels {
  const rendered = Object.entries(labels).map(([key, template]) => {
    const text = renderTemplate(template, { params: paramValues, steps: new Map() });
    return [key, text.ok ? text.text : ''];
  });
  return withoutEmpty(Object.fromEntries(rendered));
}

function unsuited(message: string): Unsuited {
  return { kind: 'unsuited', code: 'labels', message };
}
