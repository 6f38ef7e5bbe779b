// Finds where in the workflow file something is that is found wrong after the file was read, as a prompt file that is
// not there. Reads the file again, only then.
import { readFileSync } from 'node:fs';
import { type Path, type Problem, pathText, sortProblems } from './problem.ts';
import { isMapping, type Tree, valueAt } from './source/tree.ts';
import { readYaml } from './source/yaml-tree.ts';
import type { Workflow } from './workflow.ts';

export type Unlocated = { readonly path: Path; readonly message: string; readonly fix: string };

/** A workflow that was made in code, or whose file has changed so that its steps are others, has paths only. */
export function locateProblems(workflow: Workflow, found: readonly Unlocated[]): readonly Problem[] {
  const tree = found.length === 0 ? undefined : treeOf(workflow);
  const problems = found.map(({ path, message, fix }): Problem => {
    const place = tree?.placeOf(path) ?? { file: '', line: 0, column: 0, path: pathText(path) };
    return { ...place, message, fix };
  });
  return sortProblems(problems, workflow.file);
}

function treeOf({ file, steps }: Workflow): Tree | undefined {
  if (file === '') return undefined;
  try {
    const reading = readYaml(readFileSync(file, 'utf8'), file);
    if (!reading.ok) return undefined;
    const isSame = steps.every(({ id }, index) => {
      const written = valueAt(reading.tree.value, ['steps', index]);
      return isMapping(written) && written.id === id;
    });
    return isSame ? reading.tree : undefined;
  } catch {
    return undefined;
  }
}
