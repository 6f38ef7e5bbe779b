// The labels of a workflow: their templates, how many there are, and how long they are with the params of the run.
import { problemOfLabelCount, problemOfLabelValue } from '../../core/labels.ts';
import { isMapping } from '../source/tree.ts';
import { renderTemplate } from '../template.ts';
import type { ParamValue } from '../workflow.ts';
import type { Outline } from './outline.ts';
import { mistakesOfTemplate } from './texts.ts';

/** @param paramValues a param without a value, while only the file is checked, is not among them */
export function checkLabels(outline: Outline, paramValues: Readonly<Record<string, ParamValue>>): void {
  const { root, tree, report } = outline;
  const labels = Object.entries(isMapping(root.labels) ? root.labels : {});
  for (const [key, written] of labels) {
    if (typeof written !== 'string') continue;
    const path = ['labels', key];
    const mistakes = mistakesOfTemplate(written, undefined, outline, 'label');
    for (const { index, message, fix } of mistakes) report(tree.placeOf(path, index), message, fix);
    const rendered = renderTemplate(written, { params: paramValues, steps: new Map() });
    const problem = rendered.ok ? problemOfLabelValue(rendered.text, `the label \`${key}\``) : undefined;
    if (problem !== undefined) report(tree.placeOf(path), problem.message, problem.fix);
  }
  const tooMany = problemOfLabelCount(labels.length);
  if (tooMany !== undefined) report(tree.placeOfKey(['labels']), tooMany.message, tooMany.fix);
}
