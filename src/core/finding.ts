// What an outcome of a Claude Code step rests on besides its result line: work that was refused, cut or never done while
// the step itself may be a success. Pure vocabulary. Found by run/claude; part of `attempt.finished`.

export const findingKinds = [
  /** A call of a tool was not permitted, by a rule, by the mode or by a hook. */
  'denied',
  /** A hook ended with an error. */
  'hook_failed',
  /** An MCP server was not connected, so its tools did not exist. */
  'mcp_unavailable',
  /** The model stopped at its limit of output tokens, in the middle of what it wrote. */
  'cut',
  /** The model, or a safety filter, refused to answer. */
  'refused',
  /** A call of a tool never got a result. */
  'unanswered',
  /** A subagent ended with an error or was ended. */
  'subagent_failed',
] as const;

export type FindingKind = (typeof findingKinds)[number];

export type Finding = {
  readonly kind: FindingKind;
  /** The tool, the hook, the server or the subagent; '' if it has no name. */
  readonly name: string;
  /** What it was about, on one short line: `npm test` for a denied Bash call, `failed` for a server. */
  readonly detail: string;
  /** Of a tool call: its input as JSON text, cut at its bound. */
  readonly input?: string;
  /** Why, in the words of Claude Code; one sentence. */
  readonly why?: string;
};

/** `items` holds the first ones, in the order in which they came; `counts` counts all of them. */
export type Findings = {
  readonly counts: Readonly<Partial<Record<FindingKind, number>>>;
  readonly items: readonly Finding[];
};

export const noFindings: Findings = { counts: {}, items: [] };

export function countFindings({ counts }: Findings): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
