// What a Claude Code step is given: its prompt and texts with their values filled in, its MCP file, the session that it
// goes on with. Reads and writes files; starts nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ClaudeStep, readPrompt, renderClaude, type Scope } from '../../workflow/index.ts';
import { continuationPrompt, withoutWorktree } from '../claude/index.ts';
import type { Continuation, SessionRef } from './attempt.ts';

export type ClaudeInputs = {
  /** The step with the templates of its texts filled in. */
  readonly step: ClaudeStep;
  readonly prompt: string;
  readonly resumeSessionId: string | undefined;
  /** The folder of that session; undefined where there is no session, or its folder is not known. */
  readonly sessionCwd: string | undefined;
  /** The session is that of an earlier attempt of this step, and not that of another step. */
  readonly isContinued: boolean;
  readonly mcpConfigPath: string | undefined;
  /** Removes what was written for the attempt. */
  readonly cleanUp: () => void;
};

export type ClaudeInputsResult =
  | { readonly ok: true; readonly inputs: ClaudeInputs }
  /** One sentence: which text, which value, and what to do. */
  | { readonly ok: false; readonly message: string };

/**
 * @param sessions those of the Claude steps that have ended, by step id
 * @param continuation the session of an earlier attempt of the step that is to be continued
 */
export function claudeInputsOf(
  step: ClaudeStep,
  scope: Scope,
  sessions: ReadonlyMap<string, SessionRef>,
  continuation: Continuation | undefined,
): ClaudeInputsResult {
  const rendered = renderClaude(step, scope, readPrompt);
  if (!rendered.ok) return { ok: false, message: `its ${rendered.message}` };
  const { prompt, ...texts } = rendered.texts;
  if (prompt.trim() === '') return { ok: false, message: 'its prompt is empty once its values are filled in' };

  const session = continuation ?? (step.resume === undefined ? undefined : sessions.get(step.resume));
  if (step.resume !== undefined && session === undefined) {
    return { ok: false, message: `step \`${step.resume}\` left no session that could be resumed` };
  }
  const mcp = mcpConfigFile(step);
  const extraArgs = continuation === undefined ? step.extraArgs : withoutWorktree(step.extraArgs);
  return {
    ok: true,
    inputs: {
      step: { ...step, ...texts, extraArgs },
      prompt: continuation === undefined ? prompt : continuationPrompt(continuation.because),
      resumeSessionId: session?.sessionId,
      sessionCwd: session?.cwd,
      isContinued: continuation !== undefined,
      mcpConfigPath: mcp.path,
      cleanUp: mcp.cleanUp,
    },
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
