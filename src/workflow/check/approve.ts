// Checks inside one step with `approve`: what it shows, and keys that mean nothing without a process.
import type { Path } from '../problem.ts';
import { isMapping } from '../source/tree.ts';
import { referenceIn } from '../template.ts';
import type { Outline, OutlineStep } from './outline.ts';
import { complainOf } from './references.ts';

/** Keys of a step that starts something, and what to do in their place. */
const keysOfProcesses: Readonly<Record<string, string>> = {
  shell: 'remove it',
  stderr: 'remove it',
  env: 'remove it; values are put into the message with `{{ }}`',
  cwd: 'remove it',
  timeout: 'write `by:` below `approve:`',
  retries: 'remove it; `stepspan resume` asks again',
  readOnly: 'remove it',
  stalls: 'remove it',
  claudeTelemetry: 'remove it',
  expect: 'remove it',
  ask: 'remove it; an approval always waits for a person',
};

export function checkApprovals(outline: Outline): void {
  for (const step of outline.steps) {
    const { raw, path } = step;
    if (!Object.hasOwn(raw, 'approve') || Object.hasOwn(raw, 'run') || Object.hasOwn(raw, 'claude')) continue;
    for (const [key, fix] of Object.entries(keysOfProcesses)) {
      if (!Object.hasOwn(raw, key)) continue;
      const message = `\`${key}\` means nothing in a step with \`approve\`, which starts no process`;
      outline.report(outline.tree.placeOfKey([...path, key]), message, fix);
    }
    if (!isMapping(raw.approve)) continue;
    const { show } = raw.approve;
    const at = [...path, 'approve', 'show'];
    if (typeof show === 'string') checkShown(show, at, step, outline);
    if (!Array.isArray(show)) continue;
    show.forEach((each: unknown, index) => {
      if (typeof each === 'string') checkShown(each, [...at, index], step, outline);
    });
  }
}

function checkShown(text: string, path: Path, step: OutlineStep, outline: Outline): void {
  const place = outline.tree.placeOf(path);
  const reference = referenceIn(text);
  if (reference === undefined) {
    const inside = /^\s*\{\{-?(.*?)-?\}\}\s*$/s.exec(text)?.[1]?.trim();
    const fix =
      inside === undefined ? 'write `steps.ID.output` or `params.NAME`' : `write \`${inside}\` without braces`;
    outline.report(place, `\`show\` takes values, not \`${text}\``, fix);
    return;
  }
  const complaint = complainOf({ path: reference, index: 0 }, step, outline);
  if (complaint !== undefined) outline.report(place, complaint.message, complaint.fix);
}
