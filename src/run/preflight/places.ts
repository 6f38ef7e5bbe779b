// Looks for the folders and files that a workflow names: working folders, prompt files, MCP configuration. Reads, starts
// nothing.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode, toError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { type ClaudeStep, problemOfPromptFile, type Workflow } from '../../workflow/index.ts';
import { findProgram, type ProgramPlace } from './find-program.ts';
import { type Finding, type StepToCheck, severityOfMissing } from './finding.ts';

/** The working folder of the workflow, if a step works in it or starts from it. */
export function checkWorkflowFolder(workflow: Workflow, steps: readonly StepToCheck[]): readonly Finding[] {
  const isUsed = steps.some(({ step }) => step.cwd === undefined || !path.isAbsolute(step.cwd));
  const wrong = isUsed ? problemOfFolder(workflow.cwd) : undefined;
  return wrong === undefined ? [] : [{ severity: 'problem', path: ['cwd'], ...wrong }];
}

/** The working folder of one step, if it has its own. */
export function checkStepFolder(workflow: Workflow, checked: StepToCheck): readonly Finding[] {
  const { step, index } = checked;
  if (step.cwd === undefined) return [];
  const folder = path.resolve(workflow.cwd, step.cwd);
  const wrong = problemOfFolder(folder);
  const severity = wrong && severityOfMissing(checked, folder, true);
  if (wrong === undefined || severity === undefined) return [];
  return [{ severity, path: ['steps', index, 'cwd'], ...wrong, fix: `${wrong.fix}${unexpandedHint(step.cwd)}` }];
}

export function checkPromptFile(checked: StepToCheck): readonly Finding[] {
  const { step, index } = checked;
  if (step.kind !== 'claude' || step.prompt.kind !== 'file') return [];
  const wrong = problemOfPromptFile(step.prompt.path);
  const severity = wrong && severityOfMissing(checked, step.prompt.path, false);
  if (wrong === undefined || severity === undefined) return [];
  const fix = `${wrong.fix}${unexpandedHint(step.prompt.path)}`;
  return [{ severity, path: ['steps', index, 'claude', 'promptFile'], message: wrong.message, fix }];
}

/** The MCP configuration: that it can be read, that it is one, and that the programs of its servers exist. */
export function checkMcp(checked: StepToCheck, place: ProgramPlace | undefined): readonly Finding[] {
  const { step, index } = checked;
  if (step.kind !== 'claude' || step.mcpConfig === undefined) return [];
  const at = ['steps', index, 'claude', 'mcpConfig'] as const;
  const read = readMcpConfig(step.mcpConfig);
  if (read.kind === 'unusable') {
    const file = typeof step.mcpConfig === 'string' ? step.mcpConfig : '';
    const severity = file === '' ? 'problem' : severityOfMissing(checked, file, false);
    if (severity === undefined) return [];
    return [{ severity, path: at, message: read.message, fix: `${read.fix}${unexpandedHint(file)}` }];
  }
  if (place === undefined) return [];
  return Object.entries(read.servers).flatMap(([name, server]) => {
    const command = isObject(server) ? server.command : undefined;
    // Claude Code puts variables in by itself.
    if (typeof command !== 'string' || command.includes('${')) return [];
    if (findProgram(command, place).kind === 'found') return [];
    const message = `the MCP server \`${name}\` cannot start: there is no program \`${command}\``;
    return [{ severity: 'warning', path: at, message, fix: 'install it, or correct `command` of the server' } as const];
  });
}

type Mcp =
  | { readonly kind: 'read'; readonly servers: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unusable'; readonly message: string; readonly fix: string };

function readMcpConfig(config: NonNullable<ClaudeStep['mcpConfig']>): Mcp {
  if (typeof config !== 'string') return serversOf(config, 'the MCP configuration');
  let text: string;
  try {
    text = readFileSync(config, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    const other = `cannot be read: ${toError(error).message}`;
    const why = code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a folder' : other;
    return { kind: 'unusable', message: `the MCP file ${config} ${why}`, fix: 'create it, or correct `mcpConfig`' };
  }
  try {
    return serversOf(JSON.parse(text.replace(/^\uFEFF/, '')), `the MCP file ${config}`);
  } catch (error) {
    const message = `the MCP file ${config} is not JSON: ${toError(error).message}`;
    return {
      kind: 'unusable',
      message,
      fix: 'correct the file; JSON has no comments and no comma after the last entry',
    };
  }
}

function serversOf(config: unknown, what: string): Mcp {
  const servers = isObject(config) ? config.mcpServers : undefined;
  if (isObject(servers)) return { kind: 'read', servers };
  const fix = 'write `{"mcpServers": {"NAME": {"command": "PROGRAM", "args": []}}}`';
  return { kind: 'unusable', message: `${what} has no \`mcpServers\``, fix };
}

function problemOfFolder(folder: string): Pick<Finding, 'message' | 'fix'> | undefined {
  try {
    if (statSync(folder).isDirectory()) return undefined;
    return { message: `the working folder ${folder} is a file`, fix: 'name a folder in `cwd`' };
  } catch (error) {
    const code = errorCode(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    const why = isMissing ? 'does not exist' : `cannot be used: ${toError(error).message}`;
    return { message: `the working folder ${folder} ${why}`, fix: 'create it, or correct `cwd`' };
  }
}

/** Only for a path that does not exist, so that a `$` in a real name does no harm. */
function unexpandedHint(written: string): string {
  const variable = /\$\{?[A-Za-z_]\w*\}?/.exec(written)?.[0] ?? /(?<=^|\/)~(?=\/|$)/.exec(written)?.[0];
  return variable === undefined ? '' : `; \`${variable}\` is not expanded in a path, so write the path itself`;
}
