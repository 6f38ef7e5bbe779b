// Checks inside one Claude step: its prompt, session, tools, permissions and extra arguments.
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { claudeFlags } from '../claude-keys.ts';
import type { Path } from '../problem.ts';
import { isMapping } from '../source/tree.ts';
import { type Outline, type OutlineStep, stepLabel } from './outline.ts';
import { complainOfOrder } from './references.ts';
import { mistakesOfTemplate } from './texts.ts';

/** Arguments that stepspan itself passes to `claude`, and the key that sets each; '' if none does. */
const ownArguments: Readonly<Record<string, string>> = {
  '-p': '',
  '--print': '',
  '--output-format': '',
  '--input-format': '',
  '--verbose': '',
  '--session-id': '',
  '--bg': '',
  '--background': '',
  '-c': 'resume',
  '--continue': 'resume',
  '-r': 'resume',
  '--allowed-tools': 'allowedTools',
  '--disallowed-tools': 'disallowedTools',
  ...Object.fromEntries(Object.entries(claudeFlags).map(([key, flag]) => [flag, key])),
};

/** Returns the text of a file by its absolute path; undefined if it does not exist yet or cannot be read. */
export type ReadFile = (path: string) => string | undefined;

/**
 * Reports what is wrong with Claude steps.
 * @param folder where relative paths start: the folder of the workflow file
 * @param readFile reads prompt files, to check the templates in them; a file that does not exist is checked when its step starts
 */
export function checkClaudeSteps(outline: Outline, folder: string, readFile: ReadFile | undefined): void {
  for (const step of outline.steps) {
    const { claude } = step.raw;
    if (!isMapping(claude)) continue;
    const path = [...step.path, 'claude'];
    checkPrompt({ claude, path, step, outline });
    if (readFile !== undefined) checkPromptFile({ claude, path, step, outline }, folder, readFile);
    checkResume(claude.resume, path, step, outline);
    checkTools(claude, path, outline);
    checkPermissions(claude, path, step, outline);
    checkAsk(claude, path, outline);
    checkExtraArgs(claude, path, outline);
  }
}

type Raw = Readonly<Record<string, unknown>>;

type ClaudeStep = {
  readonly claude: Raw;
  readonly path: Path;
  readonly step: OutlineStep;
  readonly outline: Outline;
};

function checkPrompt({ claude, path, step, outline: { tree, report } }: ClaudeStep): void {
  const hasText = Object.hasOwn(claude, 'prompt');
  const hasFile = Object.hasOwn(claude, 'promptFile');
  if (hasText && hasFile) {
    report(
      tree.placeOfKey([...path, 'promptFile']),
      `${stepLabel(step)} has both \`prompt\` and \`promptFile\``,
      'keep one',
    );
  } else if (!hasText && !hasFile) {
    const fix = 'add `prompt: <text>` or `promptFile: <path>` below `claude:`';
    report(tree.placeOfKey(path), `${stepLabel(step)} has no prompt`, fix);
  }
}

/** Checks the templates in a prompt file. */
function checkPromptFile({ claude, path, step, outline }: ClaudeStep, folder: string, readFile: ReadFile): void {
  if (typeof claude.promptFile !== 'string') return;
  const text = readFile(resolve(folder, claude.promptFile));
  if (text === undefined) return;
  for (const { index, message, fix } of mistakesOfTemplate(text, step, outline)) {
    const before = text.slice(0, index).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    const { path: at, file } = outline.tree.placeOf([...path, 'promptFile']);
    outline.report({ file: besideFile(file, claude.promptFile), line: before.length, column, path: at }, message, fix);
  }
}

/** The prompt file as seen from where the user named the workflow file, so that a terminal can open it. */
function besideFile(workflowFile: string, promptFile: string): string {
  return isAbsolute(promptFile) ? promptFile : join(dirname(workflowFile), promptFile);
}

function checkResume(resume: unknown, path: Path, step: OutlineStep, outline: Outline): void {
  if (typeof resume !== 'string') return;
  const { tree, report, byId } = outline;
  const place = tree.placeOf([...path, 'resume']);
  const order = complainOfOrder(resume, step, outline);
  if (order !== undefined) {
    report(place, order.message, order.fix);
  } else if (!Object.hasOwn(byId.get(resume)?.raw ?? {}, 'claude')) {
    const message = `step \`${resume}\` has no Claude session to continue`;
    report(place, message, 'name a step with `claude`, or use `{{ steps.ID.output }}` in the prompt');
  }
}

function checkTools(claude: Raw, path: Path, { tree, report }: Outline): void {
  if (!Array.isArray(claude.allowedTools) || !Array.isArray(claude.disallowedTools)) return;
  const allowed = new Set<unknown>(claude.allowedTools);
  claude.disallowedTools.forEach((tool: unknown, index) => {
    if (typeof tool !== 'string' || !allowed.has(tool)) return;
    const place = tree.placeOf([...path, 'disallowedTools', index]);
    report(place, `the tool \`${tool}\` is both allowed and disallowed`, 'remove it from one of the lists');
  });
}

function checkPermissions(claude: Raw, path: Path, step: OutlineStep, { tree, report }: Outline): void {
  const { permissionMode, extraArgs } = claude;
  if (step.raw.readOnly === true && permissionMode === 'acceptEdits') {
    const fix = 'remove `readOnly`, or write `permissionMode: plan`';
    report(tree.placeOf([...path, 'permissionMode']), 'the step is `readOnly`, but `acceptEdits` lets it write', fix);
  }
  if (permissionMode === undefined || permissionMode === 'bypassPermissions' || !Array.isArray(extraArgs)) return;
  const index = extraArgs.indexOf('--dangerously-skip-permissions');
  if (index === -1) return;
  const message = `\`--dangerously-skip-permissions\` and \`permissionMode: ${String(permissionMode)}\` exclude each other`;
  report(
    tree.placeOf([...path, 'extraArgs', index]),
    message,
    'remove the argument, or write `permissionMode: bypassPermissions`',
  );
}

/** Modes in which Claude Code asks nobody. */
const modesWithoutQuestions: readonly unknown[] = ['bypassPermissions', 'dontAsk'];

function checkAsk({ ask, permissionMode }: Raw, path: Path, { tree, report }: Outline): void {
  if (!isMapping(ask)) return;
  if (modesWithoutQuestions.includes(permissionMode)) {
    const message = `nobody is asked with \`permissionMode: ${String(permissionMode)}\``;
    report(tree.placeOfKey([...path, 'ask']), message, 'remove `ask`, or choose another mode');
  }
  const { allow, deny } = isMapping(ask.rules) ? ask.rules : {};
  if (!Array.isArray(allow) || !Array.isArray(deny)) return;
  const allowed = new Set<unknown>(allow);
  deny.forEach((rule: unknown, index) => {
    if (typeof rule !== 'string' || !allowed.has(rule)) return;
    const place = tree.placeOf([...path, 'ask', 'rules', 'deny', index]);
    report(place, `the rule \`${rule}\` both allows and denies`, 'remove it from one of the lists');
  });
}

function checkExtraArgs({ extraArgs, ask }: Raw, path: Path, { tree, report, root }: Outline): void {
  if (!Array.isArray(extraArgs)) return;
  extraArgs.forEach((argument: unknown, index) => {
    if (typeof argument !== 'string') return;
    const [flag = ''] = argument.split('=', 1);
    const field = Object.hasOwn(ownArguments, flag) ? ownArguments[flag] : undefined;
    if (isMapping(ask ?? root.ask) && flag === '--permission-prompt-tool') {
      const place = tree.placeOf([...path, 'extraArgs', index]);
      report(place, `\`${flag}\` and \`ask\` exclude each other`, 'keep one');
    }
    if (field === undefined) return;
    const fix = field === '' ? 'remove it: stepspan sets it itself' : `write \`${field}:\` below \`claude:\` instead`;
    report(tree.placeOf([...path, 'extraArgs', index]), `\`${flag}\` cannot be an extra argument`, fix);
  });
}
