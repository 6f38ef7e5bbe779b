// The workflows that may be started over HTTP: files in folders that were named when the hub was started, and nothing that a
// path or a link could make of them.
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { WorkflowsAnswer } from '../api/http/index.ts';
import { loadWorkflow } from '../workflow/index.ts';

export type WorkflowFolders = {
  /** Whether any folder was named. What is in them may change at any time. */
  readonly isNamed: boolean;
  readonly list: () => WorkflowsAnswer;
  /** The real path of what was asked for; undefined if it is not a workflow in one of the folders, whatever the reason. */
  readonly find: (text: string) => string | undefined;
};

export type FoldersResult =
  | { readonly ok: true; readonly folders: WorkflowFolders }
  | { readonly ok: false; readonly problems: readonly string[] };

/** More than a person picks from; the rest is started by name. */
const maxListed = 200;

/** Folders below a folder of workflows; node_modules and the like are not walked to their end. */
const maxDepth = 3;
const maxEntries = 5_000;

/** `stepspan validate` lists all of them. */
const maxProblemLength = 1_000;

const extensions = new Set(['.yaml', '.yml']);

export function openWorkflowFolders(given: readonly string[]): FoldersResult {
  const problems: string[] = [];
  const roots = given.flatMap((folder) => {
    try {
      const real = realpathSync(folder);
      if (statSync(real).isDirectory()) return [real];
      problems.push(`--workflows ${folder}: this is not a folder; name one that holds workflow files`);
    } catch {
      problems.push(`--workflows ${folder}: there is no such folder; make it, or name another`);
    }
    return [];
  });
  if (problems.length > 0) return { ok: false, problems };

  function find(text: string): string | undefined {
    if (text.includes('\0')) return undefined;
    const tried = isAbsolute(text) ? [text] : roots.map((root) => resolve(root, text));
    for (const path of tried) {
      try {
        const real = realpathSync(path);
        if (!roots.some((root) => isInside(root, real)) || !extensions.has(extname(real))) continue;
        if (lstatSync(real).isFile()) return real;
      } catch {
        // Not there, or not ours to see.
      }
    }
    return undefined;
  }
  const list = (): WorkflowsAnswer => {
    const files = roots.flatMap((root) => filesBelow(root)).flatMap((file) => find(file) ?? []);
    return { workflows: [...new Set(files)].sort().slice(0, maxListed).map(describe) };
  };
  return { ok: true, folders: { isNamed: roots.length > 0, list, find } };
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Breadth first, without hidden folders and without following links to folders. */
function filesBelow(root: string): readonly string[] {
  const found: string[] = [];
  let level = [root];
  let looked = 0;
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const entry of entriesOf(folder)) {
        looked += 1;
        if (looked > maxEntries) return found;
        const path = join(folder, entry.name);
        if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
        if (entry.isDirectory()) next.push(path);
        else if (extensions.has(extname(entry.name))) found.push(path);
      }
    }
    level = next;
  }
  return found;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function describe(file: string): WorkflowsAnswer['workflows'][number] {
  const nothing = { file, name: '', description: '', steps: 0, params: [] };
  try {
    const loaded = loadWorkflow(file, {});
    if (!loaded.ok) {
      const problem = loaded.problems.map(({ line, message }) => `line ${line}: ${message}`).join('; ');
      return { ...nothing, problem: problem.slice(0, maxProblemLength) };
    }
    const { name, description, steps, params } = loaded.workflow;
    return {
      file,
      name,
      description,
      steps: steps.length,
      params: params.map((param) => ({
        name: param.name,
        type: param.type,
        required: param.default === undefined,
        default: param.default ?? null,
        description: param.description,
      })),
      problem: '',
    };
  } catch (error) {
    return { ...nothing, problem: error instanceof Error ? error.message : String(error) };
  }
}
