// What a Claude Code step is given: its prompt and texts with their values filled in, its MCP file, the session that it
// goes on with. Reads and writes files; starts nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ClaudeStep, readPrompt, renderClaude, type Scope } from '../../workflow/index.ts';

export type ClaudeInputs = {
  /** The step with the templates of its texts filled in. */
  readonly step: ClaudeStep;
  readonly prompt: string;
  readonly resumeSessionId: string | undefined;
  readonly mcpConfigPath: string | undefined;
  /** Removes what was written for the attempt. */
  readonly cleanUp: () => void;
};

export type ClaudeInputsResult =
  | { readonly ok: true; readonly inputs: ClaudeInputs }
  /** One sentence: which text, which value, and what to do. */
  | { readonly ok: false; readonly message: string };

/** @param sessions session ids of the Claude steps that have ended, by step id */
export function claudeInputsOf(
  step: ClaudeStep,
  scope: Scope,
  sessions: ReadonlyMap<string, string>,
): ClaudeInputsResult {
  const rendered = renderClaude(step, scope, readPrompt);
  if (!rendered.ok) return { ok: false, message: `its ${rendered.message}` };
  const { prompt, ...texts } = rendered.texts;
  if (prompt.trim() === '') return { ok: false, message: 'its prompt is empty once its values are filled in' };

  const resumeSessionId = step.resume === undefined ? undefined : sessions.get(step.resume);
  if (step.resume !== undefined && resumeSessionId === undefined) {
    return { ok: false, message: `step \`${step.resume}\` left no session that could be resumed` };
  }
  const mcp = mcpConfigFile(step);
  return {
    ok: true,
    inputs: { step: { ...step, ...texts }, prompt, resumeSessionId, mcpConfigPath: mcp.path, cleanUp: mcp.cleanUp },
  };
}

/** A configuration that stands in the workflow can hold tokens, so it goes into a file that only its owner can read. */
function mcpConfigFile(step: ClaudeStep): { path: string | undefined; cleanUp: () => void } {
  const { mcpConfig } = step;
  if (mcpConfig === undefined) return { path: undefined, cleanUp: () => undefined };
  if (typeof mcpConfig === 'string') return { path: mcpConfig, cleanUp: () => undefined };
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-mcp-'));
  const file = path.join(folder, 'mcp.json');
  writeFileSync(file, JSON.stringify(mcpConfig), { mode: 0o600 });
  return { path: file, cleanUp: () => rmSync(folder, { recursive: true, force: true }) };
}
