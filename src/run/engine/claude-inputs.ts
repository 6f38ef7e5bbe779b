// What a Claude Code step is given: its prompt and texts with their values filled in, its MCP file, the session that it
// continues and the folder of that session. Reads and writes files; starts nothing. Called before each attempt.
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EventOf } from '../../core/event.ts';
import { cutMiddle, sizeOf } from '../../text/cut-middle.ts';
import {
  type ClaudeStep,
  claudeFlags,
  longTextKeys,
  problemOfPromptFile,
  readPrompt,
  renderClaude,
  type Scope,
} from '../../workflow/index.ts';
import { continuationPrompt, missingFlag, textFileFlag, withoutWorktree } from '../claude/index.ts';
import type { Redactor } from '../redact/index.ts';
import type { Continuation, SessionRef } from './attempt.ts';
import type { StepSetting } from './step-context.ts';

export type ClaudeInputs = {
  /** The step with the templates of its texts filled in. */
  readonly step: ClaudeStep;
  readonly prompt: string;
  readonly resumeSessionId: string | undefined;
  /** The folder of that session, if there is one and its folder is known. */
  readonly sessionCwd: string | undefined;
  /** See `SessionRef`. */
  readonly sessionCostUsd: number | undefined;
  /** The session is that of an earlier attempt of this step, and not that of another step. */
  readonly isContinued: boolean;
  readonly mcpConfigPath: string | undefined;
  /** Files with texts that are too long for an argument, by the flag that takes the text itself. */
  readonly textFiles: ReadonlyMap<string, string>;
  /** Removes what was written for the attempt. */
  readonly cleanUp: () => void;
};

export type ClaudeInputsResult =
  | { readonly ok: true; readonly inputs: ClaudeInputs }
  /** One sentence: which text, which value, and what to do. */
  | { readonly ok: false; readonly message: string };

/**
 * @param sessions those of the Claude steps that have ended, by step id
 * @param version of the installed CLI
 * @param continuation the session of an earlier attempt of the step that is to be continued
 */
export function prepareClaudeInputs(
  step: ClaudeStep,
  scope: Scope,
  sessions: ReadonlyMap<string, SessionRef>,
  { version, continuation }: { readonly version: string; readonly continuation: Continuation | undefined },
): ClaudeInputsResult {
  const unread = step.prompt.kind === 'file' ? problemOfPromptFile(step.prompt.path) : undefined;
  if (unread !== undefined) return { ok: false, message: `${unread.message}; ${unread.fix}` };
  const rendered = renderClaude(step, scope, readPrompt);
  if (!rendered.ok) return { ok: false, message: `its ${rendered.message}` };
  const { prompt, ...texts } = rendered.texts;
  if (prompt.trim() === '') return { ok: false, message: 'its prompt is empty once its values are filled in' };

  const session = continuation ?? (step.resume === undefined ? undefined : sessions.get(step.resume));
  if (step.resume !== undefined && session === undefined) {
    return { ok: false, message: `step \`${step.resume}\` left no session that could be resumed` };
  }
  const tooLong = problemOfLength({ ...step, ...texts }, version);
  if (tooLong !== undefined) return { ok: false, message: tooLong };
  const mcp = mcpConfigFile(step);
  const longTexts = textFiles(texts);
  const extraArgs = continuation === undefined ? step.extraArgs : withoutWorktree(step.extraArgs);
  return {
    ok: true,
    inputs: {
      step: { ...step, ...texts, extraArgs },
      prompt: continuation === undefined ? prompt : continuationPrompt(continuation.because),
      resumeSessionId: session?.sessionId,
      sessionCwd: session?.cwd,
      sessionCostUsd: session?.totalCostUsd,
      isContinued: continuation !== undefined,
      mcpConfigPath: mcp.path,
      textFiles: longTexts.paths,
      cleanUp() {
        mcp.cleanUp();
        longTexts.cleanUp();
      },
    },
  };
}

/** A configuration in the workflow can hold tokens, so it goes into a file that only its owner can read. */
function mcpConfigFile(step: ClaudeStep): { path: string | undefined; cleanUp: () => void } {
  const { mcpConfig } = step;
  if (mcpConfig === undefined) return { path: undefined, cleanUp: () => undefined };
  if (typeof mcpConfig === 'string') return { path: mcpConfig, cleanUp: () => undefined };
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-mcp-'));
  const file = path.join(folder, 'mcp.json');
  writeFileSync(file, JSON.stringify(mcpConfig), { mode: 0o600 });
  return { path: file, cleanUp: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Linux refuses to start a program with a longer argument, its end included (MAX_ARG_STRLEN, execve(2)). */
const maxArgumentBytes = 128 * 1024 - 1;

function isLong(text: string | undefined): text is string {
  return text !== undefined && Buffer.byteLength(text) > maxArgumentBytes;
}

/** The message for a text that is too long for an argument and that this version cannot read from a file. */
function problemOfLength(step: ClaudeStep, version: string): string | undefined {
  for (const key of longTextKeys) {
    const text = step[key];
    const missing = missingFlag(version, textFileFlag(claudeFlags[key]));
    if (!isLong(text) || missing === undefined) continue;
    const fix = `shorten it, or install Claude Code ${missing.since} or newer, which reads it from a file`;
    return tooLongText(key, text, fix);
  }
  const { jsonSchema, extraArgs } = step;
  const schema = jsonSchema === undefined ? undefined : JSON.stringify(jsonSchema);
  if (isLong(schema)) return tooLongText('jsonSchema', schema, 'shorten it');
  const argument = extraArgs.find(isLong);
  return argument === undefined ? undefined : tooLongText('extraArgs', argument, 'pass the value by a file');
}

function tooLongText(key: string, text: string, fix: string): string {
  const bytes = Buffer.byteLength(text);
  return `its \`${key}\` has ${bytes} bytes, more than the ${maxArgumentBytes} that an argument may have; ${fix}`;
}

type LongTexts = { readonly paths: ReadonlyMap<string, string>; readonly cleanUp: () => void };

/** Texts can be private, so only their owner can read the files. */
function textFiles(texts: Pick<ClaudeStep, (typeof longTextKeys)[number]>): LongTexts {
  const paths = new Map<string, string>();
  const wanted = longTextKeys.flatMap((key) => {
    const text = texts[key];
    return isLong(text) ? [[claudeFlags[key], text] as const] : [];
  });
  if (wanted.length === 0) return { paths, cleanUp: () => undefined };
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-claude-texts-'));
  for (const [flag, text] of wanted) {
    const file = path.join(folder, `${flag.slice(2)}.md`);
    writeFileSync(file, text, { mode: 0o600 });
    paths.set(flag, file);
  }
  return { paths, cleanUp: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Of each text. Two outputs of the largest size fit; more of it is in the journal as output of the earlier steps. */
const maxPromptBytes = 256 * 1024;

/** What a step was given, as an event, bounded. Secrets are replaced before a text is cut: half of one would not be recognised. */
export function promptedEvent(
  { prompt, step }: Pick<ClaudeInputs, 'prompt' | 'step'>,
  redactor: Redactor,
): EventOf<'claude.prompted'> {
  const bounded = (text: string) => boundedText(redactor.text(text).text);
  const maybe = (text: string | undefined) => (text === undefined ? undefined : bounded(text).text);
  return {
    type: 'claude.prompted',
    ...bounded(prompt),
    systemPrompt: maybe(step.systemPrompt),
    appendSystemPrompt: maybe(step.appendSystemPrompt),
  };
}

function boundedText(text: string): { readonly text: string; readonly bytes: number; readonly isCut: boolean } {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxPromptBytes) return { text, bytes: bytes.length, isCut: false };
  const ends = { head: bytes, tail: bytes, size: sizeOf(bytes) };
  const cut = cutMiddle(ends, maxPromptBytes, (leftOut) => `[... ${leftOut.bytes} bytes of the prompt left out ...]`);
  return { text: cut.text, bytes: bytes.length, isCut: true };
}

export type Placed =
  | {
      readonly ok: true;
      readonly setting: StepSetting;
      /** Says that the folder is not that of the step. */
      readonly note: string | undefined;
    }
  /** One sentence: the folder no longer exists. */
  | { readonly ok: false; readonly message: string };

/**
 * A conversation of Claude Code belongs to the folder in which it was held, such as a git worktree of its own. An attempt that
 * continues one works there, whatever the folder of the step is.
 */
export function placeInSessionFolder(step: ClaudeStep, setting: StepSetting, inputs: ClaudeInputs): Placed {
  const { sessionCwd: folder } = inputs;
  if (folder === undefined || isSameFolder(folder, setting.cwd)) return { ok: true, setting, note: undefined };
  const whose = inputs.isContinued ? 'the session to continue' : `the session of step \`${step.resume ?? ''}\``;
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    const fix = inputs.isContinued ? '' : '; keep that folder, or leave out `resume`';
    return { ok: false, message: `${whose} worked in ${folder}, which no longer exists${fix}` };
  }
  const moved = { ...setting, cwd: folder, env: { ...setting.env, PWD: folder } };
  return { ok: true, setting: moved, note: `works in ${folder}, where ${whose} is` };
}

function isSameFolder(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}
