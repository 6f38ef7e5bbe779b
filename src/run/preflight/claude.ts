// Asks the installed Claude Code before a run whether it can do what the steps need: its version, its flags, its login. Called
// by the library at the start of a run.
import path from 'node:path';
import type { ClaudeStep, Workflow } from '../../workflow/index.ts';
import {
  askClaude,
  askLogin,
  askSince,
  type ClaudeProgram,
  claudeArguments,
  hasStoredLogin,
  isOlder,
  minimumClaudeVersion,
  missingFlag,
  missingPermissionMode,
} from '../claude/index.ts';
import type { Finding } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type ClaudeCheck =
  | { readonly kind: 'checked'; readonly findings: readonly Finding[] }
  /** For all steps: the version is too old, or nobody is logged in. One sentence. */
  | { readonly kind: 'refused'; readonly message: string };

/** @param done ids of steps that do not run again */
export async function checkClaude(
  program: ClaudeProgram,
  workflow: Workflow,
  env: Environment,
  done: ReadonlySet<string>,
): Promise<ClaudeCheck> {
  const tooOld = tooOldMessage(program);
  if (tooOld !== undefined) return { kind: 'refused', message: tooOld };
  const steps = workflow.steps.flatMap((step, index) =>
    step.kind === 'claude' && !done.has(step.id) ? [{ step, index }] : [],
  );
  const findings = steps.flatMap(({ step, index }) => missingFlagsOf(program, step, index));
  const [extra, loggedOut] = await Promise.all([
    Promise.all(steps.map(({ step, index }) => checkExtraArgs(program, step, index, env))),
    isLoggedOut(
      program,
      workflow,
      steps.map(({ step }) => step),
      env,
    ),
  ]);
  if (loggedOut)
    return { kind: 'refused', message: `Claude Code is not logged in, so its steps cannot run. ${loggedOutHelp}` };
  return { kind: 'checked', findings: [...findings, ...extra.flat()] };
}

/** Why no step can run on this version; undefined if steps can. */
export function tooOldMessage({ path: file, version }: ClaudeProgram): string | undefined {
  if (!isOlder(version, minimumClaudeVersion)) return undefined;
  return `${file} is Claude Code ${version}; stepspan needs ${minimumClaudeVersion} or newer. ${updateHelp}`;
}

const updateHelp = 'Update it: npm install -g @anthropic-ai/claude-code@latest';

export const loggedOutHelp = 'Log in with `claude` and /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN.';

const askFlag = { flag: '--permission-prompt-tool stdio', since: askSince, key: 'ask' };

function missingFlagsOf(program: ClaudeProgram, step: ClaudeStep, index: number): readonly Finding[] {
  const { flags } = claudeArguments(step, {
    prompt: '',
    resumeSessionId: step.resume,
    mcpConfigPath: step.mcpConfig === undefined ? undefined : '-',
    version: program.version,
  });
  const missing = flags.flatMap((flag) => missingFlag(program.version, flag) ?? []);
  const mode = step.permissionMode ?? '';
  const since = missingPermissionMode(program.version, mode);
  const value = since === undefined ? [] : [{ flag: `--permission-mode ${mode}`, since, key: 'permissionMode' }];
  const ask = step.ask.kind === 'wait' && isOlder(program.version, askSince) ? [askFlag] : [];
  return [...missing, ...value, ...ask].map((each) => flagFinding(program, step, index, each));
}

function flagFinding(
  { path: file, version }: ClaudeProgram,
  step: ClaudeStep,
  index: number,
  { flag, since, key }: { readonly flag: string; readonly since: string; readonly key: string },
): Finding {
  return {
    severity: 'problem',
    path: ['steps', index, 'claude', key],
    message: `step \`${step.id}\`: \`${key}\` needs Claude Code ${since} or newer (${flag}); ${file} is ${version}`,
    fix: `${updateHelp}; or remove \`${key}\``,
  };
}

/** Comes after the extra arguments: the CLI names the first flag that it does not know, and this one only if it knows all others. */
const probeFlag = '--stepspan-probe';

/** The CLI itself is asked, since `--help` does not list every flag. It refuses before it reads a prompt or a login. */
async function checkExtraArgs(
  program: ClaudeProgram,
  step: ClaudeStep,
  index: number,
  env: Environment,
): Promise<readonly Finding[]> {
  if (!step.extraArgs.some((argument) => argument.startsWith('-'))) return [];
  // An argument that takes the probe for its value would start a session: it reaches no API.
  const offline = { ...env, ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', ANTHROPIC_API_KEY: 'none' };
  const answer = await askClaude(program.path, ['-p', ...step.extraArgs, probeFlag], { env: offline });
  const unknown = answer.ok ? undefined : /unknown option '(-[^']*)'/.exec(answer.stderr)?.[1];
  if (unknown === undefined || unknown.startsWith(probeFlag)) return [];
  const at = step.extraArgs.findIndex((argument) => argument.split('=', 1)[0] === unknown);
  return [
    {
      severity: 'problem',
      path: ['steps', index, 'claude', 'extraArgs', Math.max(at, 0)],
      message: `step \`${step.id}\`: Claude Code ${program.version} (${program.path}) has no flag ${unknown}`,
      fix: `correct or remove it; or ${updateHelp.charAt(0).toLowerCase()}${updateHelp.slice(1)}`,
    },
  ];
}

/** Variables with which a step has its own login, or that point to another one. */
const ownLogin = /^(ANTHROPIC_|CLAUDE_|AWS_|HOME$)/;

async function isLoggedOut(
  program: ClaudeProgram,
  workflow: Workflow,
  steps: readonly ClaudeStep[],
  env: Environment,
): Promise<boolean> {
  const plain = steps.filter(
    (step) =>
      !Object.keys({ ...workflow.env, ...step.env }).some((name) => ownLogin.test(name)) &&
      !step.extraArgs.some((argument) => argument.startsWith('--settings') || argument.startsWith('--bare')),
  );
  if (plain.length === 0 || hasStoredLogin(env)) return false;
  const folders = new Set(plain.map((step) => path.resolve(workflow.cwd, step.cwd ?? '.')));
  const logins = await Promise.all([...folders].map((folder) => askLogin(program, env, folder)));
  return logins.some(({ kind }) => kind === 'logged_out');
}
