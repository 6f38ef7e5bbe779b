// Checks across steps: ids, needs and their order, and that each step does exactly one thing.
import { isReservedVariable, outputVariable, paramVariable } from '../environment.ts';
import { cyclesOf } from '../graph.ts';
import type { Path } from '../problem.ts';
import { isMapping } from '../source/tree.ts';
import { didYouMean } from '../suggest.ts';
import { type Outline, type OutlineStep, stepLabel } from './outline.ts';
import { commandKeys, meansCommand } from './synonyms.ts';

/** Reports what is wrong with the steps as a graph. */
export function checkSteps(outline: Outline): void {
  checkIds(outline);
  for (const step of outline.steps) {
    checkNeeds(step, outline);
    checkCommand(step, outline);
    checkVariables(step.raw.env, [...step.path, 'env'], outline);
  }
  checkVariables(outline.root.env, ['env'], outline);
  checkParamNames(outline);
  checkCycles(outline);
}

function checkIds({ steps, tree, report }: Outline): void {
  const byVariable = new Map<string, OutlineStep>();
  for (const step of steps) {
    if (!step.hasId) continue;
    const first = byVariable.get(outputVariable(step.id));
    const place = tree.placeOf([...step.path, 'id']);
    if (first === undefined) {
      byVariable.set(outputVariable(step.id), step);
    } else if (first.id === step.id) {
      const { line } = tree.placeOf([...first.path, 'id']);
      const where = line > 0 ? `on line ${line}` : `at steps[${Number(first.path[1])}]`;
      report(place, `the id \`${step.id}\` is taken by another step ${where}`, 'give each step its own id');
    } else {
      const message = `the ids \`${first.id}\` and \`${step.id}\` share the variable ${outputVariable(step.id)}`;
      report(place, message, 'choose ids that differ in more than case, `-` and `_`');
    }
  }
}

function checkNeeds(step: OutlineStep, { tree, report, byId }: Outline): void {
  const seen = new Set<string>();
  step.needs.forEach((need, index) => {
    const place = tree.placeOf(step.needPaths[index] ?? step.path);
    if (step.hasId && need === step.id) {
      report(place, `step \`${step.id}\` needs itself`, 'remove it, or name the step that must come before');
    } else if (!byId.has(need)) {
      const others = [...byId.keys()].filter((id) => id !== step.id);
      report(place, `there is no step \`${need}\``, didYouMean(need, others, 'write one of'));
    } else if (seen.has(need)) {
      report(place, `${stepLabel(step)} needs \`${need}\` twice`, 'remove one of them');
    }
    seen.add(need);
  });
}

function checkCommand(step: OutlineStep, { tree, report }: Outline): void {
  const { raw, path } = step;
  const hasRun = Object.hasOwn(raw, 'run');
  const hasClaude = Object.hasOwn(raw, 'claude');
  const given = commandKeys.filter((key) => Object.hasOwn(raw, key));
  const [first, second] = given;
  if (second !== undefined) {
    const later = Object.keys(raw).findLast((key) => given.some((each) => each === key)) ?? second;
    const fix = 'keep one; for both, make two steps and let the second need the first';
    report(tree.placeOfKey([...path, later]), `${stepLabel(step)} has both \`${first}\` and \`${second}\``, fix);
  }
  if (first === undefined && !Object.keys(raw).some(meansCommand)) {
    const fix = 'add `run: <shell command>`, `claude: <prompt>` or `approve: <message>`';
    report(tree.placeOf(path), `${stepLabel(step)} has nothing to do`, fix);
  }
  if (hasClaude && !hasRun && Object.hasOwn(raw, 'shell')) {
    report(tree.placeOfKey([...path, 'shell']), '`shell` is for steps with `run`', 'remove it');
  }
  if (hasRun && !hasClaude && isMapping(raw.retries) && Object.hasOwn(raw.retries, 'session')) {
    const place = tree.placeOfKey([...path, 'retries', 'session']);
    report(place, '`session` is for steps with `claude`; a command has no session', 'remove it');
  }
  if (hasClaude && !hasRun && Object.hasOwn(raw, 'ask')) {
    const message = '`ask` of a Claude step is below `claude:`, and that of all at the root of the file';
    report(tree.placeOfKey([...path, 'ask']), message, 'put it below `claude:`');
  }
  if (hasClaude && !hasRun && Object.hasOwn(raw, 'stderr')) {
    report(tree.placeOfKey([...path, 'stderr']), '`stderr` is for steps with `run`', 'remove it');
  }
  if (Array.isArray(raw.run) && Object.hasOwn(raw, 'shell')) {
    const fix = 'remove `shell`, or write the command as one text';
    report(tree.placeOfKey([...path, 'shell']), '`run` is a list, which is started without a shell', fix);
  }
}

function checkVariables(env: unknown, path: Path, { tree, report }: Outline): void {
  for (const name of Object.keys(isMapping(env) ? env : {})) {
    if (!isReservedVariable(name)) continue;
    report(tree.placeOfKey([...path, name]), `\`${name}\` is set by stepspan`, 'choose another name for your variable');
  }
}

function checkParamNames({ params, tree, report }: Outline): void {
  const byVariable = new Map<string, string>();
  for (const name of params.keys()) {
    const first = byVariable.get(paramVariable(name));
    if (first === undefined) {
      byVariable.set(paramVariable(name), name);
    } else {
      const message = `the params \`${first}\` and \`${name}\` share the variable ${paramVariable(name)}`;
      report(tree.placeOfKey(['params', name]), message, 'choose names that differ in more than case, `-` and `_`');
    }
  }
}

function checkCycles({ byId, tree, report }: Outline): void {
  for (const cycle of cyclesOf([...byId.values()])) {
    const [first = '', second = ''] = cycle;
    const step = byId.get(first);
    if (step === undefined) continue;
    const place = tree.placeOf(step.needPaths[step.needs.indexOf(second)] ?? step.path);
    const message = `steps wait for each other: ${cycle.join(' needs ')}`;
    report(place, message, 'remove one of these needs');
  }
}
