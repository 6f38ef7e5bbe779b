// What one line says of a tool call: its target, its exit code, the lines that it changed. Pure. Called by fold-conversation.ts.
import { type JsonObject, parseObject } from '../core/json.ts';
import { firstLine, mainArgument } from '../core/tool-call.ts';
import { seenText } from '../text/seen.ts';

/** Characters of a target: a long line of a terminal. */
const TARGET_CHARACTERS = 300;

/** The input of a call; one that was cut at its bound does not parse, and has no fields then. */
export function inputOf(json: string): JsonObject {
  return parseObject(json) ?? {};
}

/** @param cwd paths below it are named from there */
export function targetOf(json: string, cwd: string | undefined): string {
  const target = firstLine(seenText(mainArgument(parseObject(json))))
    .slice(0, TARGET_CHARACTERS)
    .toWellFormed();
  return cwd !== undefined && cwd !== '/' && target.startsWith(`${cwd}/`) ? target.slice(cwd.length + 1) : target;
}

const commandTools: ReadonlySet<string> = new Set(['Bash', 'PowerShell']);
const exitCodeLine = /^(?:Error: )?Exit code (\d+)\n?/;

/** Of a command that has ended; Claude Code names it in front of the output of one that failed. */
export function exitCodeOf(tool: string, result: string, isError: boolean): number | undefined {
  if (!commandTools.has(tool)) return undefined;
  const code = exitCodeLine.exec(result)?.[1];
  return code === undefined ? (isError ? undefined : 0) : Number(code);
}

/** The output of a command, without the line that names its exit code. */
export function commandOutput(result: string): string {
  return result.replace(exitCodeLine, '');
}

export function isCommand(tool: string): boolean {
  return commandTools.has(tool);
}

/** What a subagent reported, without the words that Claude Code puts around it for the model. */
export function subagentReport(result: string): string {
  const report = /The report follows:\n([\s\S]*?)(?:\nagentId: |$)/.exec(result)?.[1];
  return report === undefined ? result : report.replace(/^ {2}/gm, '').trim();
}
