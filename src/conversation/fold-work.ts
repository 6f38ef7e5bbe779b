// What Claude did over all steps of a run, from the entries of their conversations: the files that it changed, and how often it called
// each tool. Pure. Called by the API; a conversation shows the same call by call.
import type { Entry } from './entry.ts';
import { type Patch, patchOfInput } from './patch.ts';
import { inputOf } from './tool-call.ts';

export type ToolWork = {
  readonly name: string;
  readonly calls: number;
  /** Those that ended with an error, without those that were denied. */
  readonly errors: number;
  readonly denials: number;
};

/** One call that changed a file. `seq` is the number of its block in the conversation. */
export type FileChange = {
  readonly seq: number;
  readonly step: string;
  readonly attempt: number;
  readonly patch: Patch;
};

export type FileWork = {
  readonly file: string;
  /** Lines over all changes, one after the other: a line that was added and removed again counts twice. */
  readonly added: number;
  readonly removed: number;
  /** It did not exist before its first change. */
  readonly isNew: boolean;
  readonly changes: readonly FileChange[];
};

export type Work = { readonly tools: readonly ToolWork[]; readonly files: readonly FileWork[] };

export type WorkFold = {
  readonly add: (entry: Entry) => void;
  /** Tools by the number of their calls; files in the order of their first change. */
  readonly work: () => Work;
};

type Call = {
  readonly seq: number;
  readonly step: string;
  readonly attempt: number;
  readonly tool: string;
  state: 'running' | 'ok' | 'error' | 'denied';
  patch: Patch | undefined;
};

/** Lines of changes that are held for one run, in characters: some ten thousand lines. Behind it changes have their counts alone. */
const MAX_HELD_CHARACTERS = 1024 * 1024;

export function createWorkFold(maxHeldCharacters = MAX_HELD_CHARACTERS): WorkFold {
  const calls = new Map<string, Call>();
  let left = maxHeldCharacters;

  const hold = (patch: Patch): Patch => {
    const characters = patch.hunks.reduce(
      (sum, { lines }) => sum + lines.reduce((all, line) => all + line.length, 0),
      0,
    );
    if (characters > left) return { ...patch, hunks: [], isCut: true };
    left -= characters;
    return patch;
  };

  const addEvent = ({ seq, step, attempt, event }: Extract<Entry, { readonly event: object }>): void => {
    if (event.type === 'claude.tool_called') {
      const { tool, toolUseId, input } = event;
      const patch = patchOfInput(tool, inputOf(input));
      calls.set(keyOf(step, attempt, toolUseId), { seq, step, attempt, tool, state: 'running', patch });
    } else if (event.type === 'claude.tool_returned') {
      const call = calls.get(keyOf(step, attempt, event.toolUseId));
      if (call === undefined) return;
      if (call.state === 'running') call.state = event.isError ? 'error' : 'ok';
      call.patch = call.state === 'ok' && call.patch !== undefined ? hold(call.patch) : undefined;
    } else if (event.type === 'claude.permission_denied') {
      const key = keyOf(step, attempt, event.toolUseId);
      const call = calls.get(key) ?? { seq, step, attempt, tool: event.tool, state: 'denied', patch: undefined };
      calls.set(key, call);
      call.state = 'denied';
      call.patch = undefined;
    }
  };

  return {
    add(entry) {
      if (entry.event !== undefined) return addEvent(entry);
      // It comes before the event of its result, and knows the lines around the change.
      const { patch, toolUseIds } = entry.message;
      const call = calls.get(keyOf(entry.step, entry.attempt, toolUseIds[0] ?? ''));
      if (patch !== undefined && call?.state === 'running') call.patch = patch;
    },
    work: () => ({ tools: toolsOf([...calls.values()]), files: filesOf([...calls.values()]) }),
  };
}

function keyOf(step: string, attempt: number, toolUseId: string): string {
  return `${step}#${attempt} ${toolUseId}`;
}

function toolsOf(calls: readonly Call[]): readonly ToolWork[] {
  const tools = [...Map.groupBy(calls, ({ tool }) => tool)].map(([name, of]) => ({
    name,
    calls: of.length,
    errors: of.filter(({ state }) => state === 'error').length,
    denials: of.filter(({ state }) => state === 'denied').length,
  }));
  return tools.toSorted((a, b) => b.calls - a.calls || (a.name < b.name ? -1 : 1));
}

function filesOf(calls: readonly Call[]): readonly FileWork[] {
  const changes = calls.flatMap(({ seq, step, attempt, state, patch }) =>
    state === 'ok' && patch !== undefined ? [{ seq, step, attempt, patch }] : [],
  );
  return [...Map.groupBy(changes, ({ patch }) => patch.file)].map(([file, of]) => ({
    file,
    added: of.reduce((sum, { patch }) => sum + patch.added, 0),
    removed: of.reduce((sum, { patch }) => sum + patch.removed, 0),
    isNew: of[0]?.patch.isNew === true,
    changes: of,
  }));
}
