// The turns of a Claude session: answers of the model, the tools that each called, and subagents below their call. Made from what the
// session printed, at once; the spans of its telemetry, which come seconds later, then set the exact times. Called by timeline.ts.
import type { ClaudeEvent } from '../../core/claude-event.ts';
import type { EventOf } from '../../core/event.ts';
import { type JsonObject, objectAt, parseObject, textAt } from '../../core/json.ts';
import type { Subject } from '../../core/record.ts';
import { firstLine, mainArgument } from '../../core/tool-call.ts';
import { isSubagentTool } from '../../otlp/gen-ai.ts';
import { itemsIn } from '../../otlp/request.ts';
import { attributesOf, enumNumber, idAt, nanosAt, statusError } from '../../otlp/values.ts';
import { seenText } from '../../text/seen.ts';
import { attemptId, type Draft, latest, type SpanStore, type TelemetryPlace } from './span-store.ts';

/** Who asks the model: the main agent of an attempt (''), or the subagent that a tool call started. */
type Agent = {
  readonly key: string;
  /** Of a subagent, the span of its call. */
  readonly parentId: string | undefined;
  turn: Draft | undefined;
  model: Draft | undefined;
  /** Whether the turn was only counted, as the bound was reached, and whether it has an answer. */
  isCounted: boolean;
  hasAnswered: boolean;
  /** The message whose parts came last, and the turn and the answer in which it began. */
  message: { readonly id: string; readonly turn: Draft; readonly model: Draft } | undefined;
  /** Calls that have not returned. */
  readonly calls: Set<string>;
  turns: number;
};

/** `agent` is known for an answer, `isSubagent` and the parent for a request; older versions do not name subagents. */
type Asker = {
  readonly isSubagent: boolean | undefined;
  readonly agent?: string;
  readonly parentId?: string | undefined;
};

/** One attempt of a Claude step. */
type Session = {
  readonly subject: Subject;
  readonly agents: Map<string, Agent>;
  /** Who spoke last: the usage that follows is of that agent. */
  speaker: Agent | undefined;
  /** Answers of the output and requests of the telemetry that have not been found to be the same, and who asked. */
  readonly answered: Map<Draft, Asker>;
  readonly requests: Map<Draft, Asker>;
  /** The key of an agent by the span below which its requests are. */
  readonly askers: Map<string, string>;
  /** The first is the attempt itself, while it is the only one. */
  readonly interactions: Sent[];
  /** Of the session: paths below it are named from there. */
  cwd: string;
};

export type ClaudeTurns = {
  readonly add: (event: ClaudeEvent, subject: Subject, timeNs: bigint) => void;
  /** The attempt has ended: nothing more is asked. */
  readonly close: (subject: Subject, timeNs: bigint) => void;
};

/** The last line of an answer is printed when it is complete; a loaded machine reads it so much later at most. */
const maxSkewNs = 2_000_000_000n;
/** The telemetry is some seconds late, in which a session has a few answers. */
const maxUnmatched = 200;
const maxDetail = 300;

export function createClaudeTurns(store: SpanStore): ClaudeTurns {
  const sessions = new Map<string, Session>();
  const sessionOf = (subject: Subject): Session => {
    const key = attemptId(subject.step, subject.attempt);
    const session = sessions.get(key) ?? {
      ...{ subject, agents: new Map(), speaker: undefined, interactions: [], cwd: '' },
      ...{ answered: new Map(), requests: new Map(), askers: new Map() },
    };
    sessions.set(key, session);
    return session;
  };
  return {
    add(event, subject, timeNs) {
      const session = sessionOf(subject);
      if (event.type === 'claude.telemetry') addTelemetry(store, session, event);
      else addEvent(store, session, event, timeNs);
    },
    close(subject, timeNs) {
      for (const agent of sessionOf(subject).agents.values()) endTurn(store, agent, timeNs, subject);
    },
  };
}

function addEvent(store: SpanStore, session: Session, event: ClaudeEvent, timeNs: bigint): void {
  switch (event.type) {
    case 'claude.folder_changed':
      session.cwd = event.cwd;
      break;
    case 'claude.session':
      session.cwd = event.cwd ?? '';
      beginTurn(store, session, agentOf(session, undefined), timeNs);
      break;
    case 'claude.message':
    case 'claude.thinking':
      answer(store, session, event.parentToolUseId, timeNs);
      break;
    case 'claude.tool_called':
      callTool(store, session, event, timeNs);
      break;
    case 'claude.tool_returned':
      returnTool(store, session, event, timeNs);
      break;
    case 'claude.usage':
      addUsage(store, session, event, timeNs);
      break;
    case 'claude.result':
      for (const agent of session.agents.values()) endTurn(store, agent, timeNs, session.subject);
      break;
    default:
      break;
  }
}

function toolId({ step, attempt }: Subject, toolUseId: string): string {
  return `tool:${step}#${attempt}:${toolUseId}`;
}

function agentOf({ agents, subject }: Session, parentToolUseId: string | undefined): Agent {
  const key = parentToolUseId ?? '';
  const agent = agents.get(key) ?? {
    ...{ key, turn: undefined, model: undefined, message: undefined, turns: 0, isCounted: false, hasAnswered: false },
    parentId: key === '' ? undefined : toolId(subject, key),
    calls: new Set<string>(),
  };
  agents.set(key, agent);
  return agent;
}

/** The model is asked: a turn begins, and the one before has ended. */
function beginTurn(store: SpanStore, { subject }: Session, agent: Agent, timeNs: bigint): void {
  endTurn(store, agent, timeNs, subject);
  agent.turns += 1;
  agent.hasAnswered = false;
  const { step, attempt } = subject;
  const id = `${step}#${attempt}:${agent.key}:${agent.turns}`;
  const parentId = store.get(agent.parentId)?.id ?? attemptId(step, attempt);
  const place = { step, attempt, startNs: timeNs };
  agent.turn = store.add({ id: `turn:${id}`, kind: 'turn', name: String(agent.turns), parentId, ...place });
  agent.isCounted = agent.turn === undefined;
  agent.model = store.add({ id: `model:${id}`, kind: 'model', name: 'model', parentId: `turn:${id}`, ...place });
}

/** A turn without an answer is none, such as the one that begins with the last result of a session. */
function endTurn(store: SpanStore, agent: Agent, timeNs: bigint, subject: Subject): void {
  const { turn, model, isCounted, hasAnswered } = agent;
  if (turn === undefined && !isCounted) return;
  agent.turn = undefined;
  agent.model = undefined;
  agent.isCounted = false;
  if (hasAnswered) {
    store.end(turn, timeNs);
    return;
  }
  agent.turns -= 1;
  for (const none of [turn, model]) {
    if (none === undefined) store.uncount(subject);
    else store.remove(none);
  }
}

/** A part of an answer has come. The answer ends with the last of them. */
function answer(store: SpanStore, session: Session, parentToolUseId: string | undefined, timeNs: bigint): Agent {
  const agent = agentOf(session, parentToolUseId);
  session.speaker = agent;
  if (agent.turn === undefined && !agent.isCounted) beginTurn(store, session, agent, timeNs);
  agent.hasAnswered = true;
  const { model, turn } = agent;
  if (model === undefined || turn === undefined) return agent;
  if (model.endNs === undefined) {
    store.end(model, timeNs, { seq: store.seq });
    store.change(turn, { seq: store.seq });
  } else if (model.telemetry === undefined) store.change(model, { endNs: timeNs });
  return agent;
}

function callTool(store: SpanStore, session: Session, event: EventOf<'claude.tool_called'>, timeNs: bigint): void {
  const agent = answer(store, session, event.parentToolUseId, timeNs);
  const { step, attempt } = session.subject;
  agent.calls.add(event.toolUseId);
  const id = toolId(session.subject, event.toolUseId);
  const target = firstLine(seenText(mainArgument(parseObject(event.input))));
  const isBelow = session.cwd.length > 1 && target.startsWith(`${session.cwd}/`);
  const detail = target
    .slice(isBelow ? session.cwd.length + 1 : 0)
    .slice(0, maxDetail)
    .toWellFormed();
  const said = { kind: 'tool', name: event.tool, detail, seq: store.seq } as const;
  const parentId = agent.turn?.id;
  const sent = store.get(id);
  if (sent === undefined) store.add({ ...said, id, parentId, step, attempt, startNs: timeNs });
  else store.change(sent, { ...said, parentId });
  if (isSubagentTool(event.tool)) beginTurn(store, session, agentOf(session, event.toolUseId), timeNs);
}

function returnTool(store: SpanStore, session: Session, event: EventOf<'claude.tool_returned'>, timeNs: bigint): void {
  const agent = agentOf(session, event.parentToolUseId);
  const tool = store.get(toolId(session.subject, event.toolUseId));
  const result = event.isError ? 'tool_error' : 'success';
  if (tool?.endNs === undefined) store.end(tool, timeNs, { result, endSeq: store.seq });
  else store.change(tool, { result, endSeq: store.seq });
  const subagent = session.agents.get(event.toolUseId);
  if (subagent !== undefined) endTurn(store, subagent, timeNs, session.subject);
  if (!agent.calls.delete(event.toolUseId) || agent.calls.size > 0 || event.serverSide === true) return;
  beginTurn(store, session, agent, timeNs);
}

/** It comes behind the parts of its answer. */
function addUsage(store: SpanStore, session: Session, event: EventOf<'claude.usage'>, timeNs: bigint): void {
  const agent = session.speaker;
  if (agent === undefined) return;
  if (agent.message?.id === event.messageId) joinTurns(store, session, agent, agent.message);
  const { turn, model } = agent;
  if (turn === undefined || model === undefined) return;
  agent.message = { id: event.messageId, turn, model };
  store.change(model, { usage: event.usage, name: event.usage.model });
  store.change(turn, { usage: event.usage });
  store.end(model, timeNs);
  matchRequest(store, session, model, agent);
}

/** Parts of one answer between which a tool returned were taken for two turns. */
function joinTurns(store: SpanStore, session: Session, agent: Agent, begun: NonNullable<Agent['message']>): void {
  const { turn, model } = agent;
  if (turn === undefined || model === undefined || turn === begun.turn) return;
  for (const call of agent.calls) {
    const tool = store.get(toolId(session.subject, call));
    if (tool?.parentId === turn.id) store.change(tool, { parentId: begun.turn.id });
  }
  session.answered.delete(model);
  store.remove(turn);
  store.remove(model);
  store.reopen(begun.turn);
  if (begun.model.telemetry === undefined) store.change(begun.model, { endNs: model.endNs });
  agent.turn = begun.turn;
  agent.model = begun.model;
  agent.turns -= 1;
}

/** What a span of the telemetry says of itself. */
type Sent = {
  readonly span: JsonObject;
  readonly place: TelemetryPlace;
  readonly startNs: bigint;
  readonly endNs: bigint | undefined;
  readonly isFailed: boolean;
};

const modelRequest = 'claude_code.llm_request';

function addTelemetry(store: SpanStore, session: Session, event: EventOf<'claude.telemetry'>): void {
  if (event.signal !== 'traces') return;
  for (const span of itemsIn(event.request, 'traces')) {
    const id = idAt(span, 'spanId');
    const startNs = nanosAt(span, 'startTimeUnixNano');
    // Without a start it has no place in time.
    if (id === undefined || startNs === 0n) continue;
    // Derived requests were made from the answers that are here already.
    if (event.derived && textAt(span, 'name') === modelRequest) continue;
    const endNs = nanosAt(span, 'endTimeUnixNano');
    addSent(store, session, {
      span,
      place: { seq: store.seq, id, parentId: idAt(span, 'parentSpanId') },
      startNs,
      endNs: endNs === 0n ? undefined : latest(startNs, endNs),
      isFailed: enumNumber(objectAt(span, 'status').code, 'statusCode') === statusError,
    });
  }
}

function addSent(store: SpanStore, session: Session, sent: Sent): void {
  switch (textAt(sent.span, 'name')) {
    case 'claude_code.interaction':
      addInteraction(store, session, sent);
      break;
    case 'claude_code.tool':
      addSentTool(store, session, sent);
      break;
    case modelRequest:
      addRequest(store, session, sent);
      break;
    default:
      addOther(store, session, sent, { kind: 'claude' });
  }
}

/** The one interaction of a session is its attempt. If people wrote to it, it has several, with a line each. */
function addInteraction(store: SpanStore, session: Session, sent: Sent): void {
  const { step, attempt } = session.subject;
  const own = store.get(attemptId(step, attempt));
  const { interactions } = session;
  if (!interactions.some(({ place }) => place.id === sent.place.id)) interactions.push(sent);
  if (own !== undefined && interactions.length === 1) {
    store.change(own, { telemetry: sent.place });
    store.name(sent.place.id, own.id);
    return;
  }
  const [first] = interactions;
  if (first !== undefined && interactions.length === 2) addOther(store, session, first, { kind: 'claude' });
  addOther(store, session, sent, { kind: 'claude' });
}

function addSentTool(store: SpanStore, session: Session, sent: Sent): void {
  const attributes = attributesOf(sent.span);
  const toolUseId = attributes['gen_ai.tool.call.id'] ?? attributes.tool_use_id;
  const name = attributes['gen_ai.tool.name'] ?? attributes.tool_name;
  const tool = typeof toolUseId === 'string' ? store.get(toolId(session.subject, toolUseId)) : undefined;
  if (tool === undefined) {
    const id = typeof toolUseId === 'string' ? toolId(session.subject, toolUseId) : undefined;
    addOther(store, session, sent, { kind: 'tool', ...(id && { id }), name: typeof name === 'string' ? name : 'tool' });
    return;
  }
  merge(store, tool, sent);
}

function merge(store: SpanStore, into: Draft, sent: Sent): void {
  const { startNs, endNs, place } = sent;
  if (endNs !== undefined) store.end(into, endNs);
  store.change(into, { startNs, telemetry: place, ...(endNs !== undefined && { endNs }) });
  store.name(place.id, into.id);
  const turn = store.get(into.parentId);
  // A turn begins with its first part and lasts as long as the last one.
  if (turn?.kind !== 'turn') return;
  if (into.kind === 'model' || startNs < turn.startNs) store.change(turn, { startNs });
  if (turn.endNs !== undefined && endNs !== undefined && endNs > turn.endNs) store.change(turn, { endNs });
}

function addRequest(store: SpanStore, session: Session, sent: Sent): void {
  const attributes = attributesOf(sent.span);
  const { model } = attributes;
  const name = typeof model === 'string' ? model : 'model';
  const known = store.named(sent.place.id);
  if (known?.seq !== undefined) {
    merge(store, known, sent);
    return;
  }
  const context = attributes['llm_request.context'];
  const isSubagent = typeof context === 'string' ? context === 'tool' || 'agent_id' in attributes : undefined;
  const asker = { isSubagent, parentId: sent.place.parentId };
  // A request that failed was asked again; the answer is of the last one.
  const answered = sent.isFailed
    ? undefined
    : closest(session.answered, (each, by) => distance(session, [each, by], [{ ...sent, name }, asker]));
  if (answered !== undefined) {
    join(store, session, answered, { sent, asker });
    return;
  }
  const request = addOther(store, session, sent, { kind: 'model', name });
  if (request !== undefined && !sent.isFailed) addBounded(session.requests, request, asker);
}

/** Finds the request of the telemetry for an answer of the output that came after it. */
function matchRequest(store: SpanStore, session: Session, model: Draft, agent: Agent): void {
  if (model.telemetry !== undefined) return;
  const by: Asker = { agent: agent.key, isSubagent: agent.key !== '' };
  addBounded(session.answered, model, by);
  const request = closest(session.requests, (each, asker) => distance(session, [model, by], [each, asker]));
  if (request?.telemetry === undefined) return;
  const { telemetry: place, startNs, endNs } = request;
  const asker = session.requests.get(request);
  session.requests.delete(request);
  store.remove(request);
  join(store, session, model, { sent: { span: {}, place, startNs, endNs, isFailed: false }, asker });
}

function join(
  store: SpanStore,
  session: Session,
  answered: Draft,
  { sent, asker }: { readonly sent: Sent; readonly asker: Asker | undefined },
): void {
  const agent = session.answered.get(answered)?.agent;
  if (agent !== undefined && asker?.parentId !== undefined) session.askers.set(asker.parentId, agent);
  session.answered.delete(answered);
  merge(store, answered, sent);
}

type Asked = { readonly name: string; readonly startNs: bigint; readonly endNs: bigint | undefined };

/** How far an answer and a request end from each other; undefined if they cannot be the same, as those of two models. */
function distance(
  { askers }: Session,
  [answered, by]: readonly [Draft, Asker],
  [request, asker]: readonly [Asked, Asker],
): bigint | undefined {
  const { endNs, usage } = answered;
  if (endNs === undefined || request.endNs === undefined || request.startNs > endNs) return undefined;
  if (usage !== undefined && !isSameModel(usage.model, request.name)) return undefined;
  if (asker.isSubagent !== undefined && asker.isSubagent !== by.isSubagent) return undefined;
  if ((askers.get(asker.parentId ?? '') ?? by.agent) !== by.agent) return undefined;
  const apart = request.endNs > endNs ? request.endNs - endNs : endNs - request.endNs;
  return apart > maxSkewNs ? undefined : apart;
}

function closest(
  drafts: ReadonlyMap<Draft, Asker>,
  distanceTo: (draft: Draft, asker: Asker) => bigint | undefined,
): Draft | undefined {
  let best: { readonly draft: Draft; readonly apart: bigint } | undefined;
  for (const [draft, asker] of drafts) {
    const apart = distanceTo(draft, asker);
    if (apart !== undefined && (best === undefined || apart < best.apart)) best = { draft, apart };
  }
  return best?.draft;
}

function addBounded(drafts: Map<Draft, Asker>, draft: Draft, asker: Asker): void {
  drafts.set(draft, asker);
  const [oldest] = drafts.keys();
  if (drafts.size > maxUnmatched && oldest !== undefined) drafts.delete(oldest);
}

/** The name that was asked for may lack the date of the name that answered. */
function isSameModel(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

/** What Claude Code puts before the name of each of its spans. */
const claudePrefix = /^claude_code\./;

type Known = { readonly kind: 'claude' | 'model' | 'tool'; readonly id?: string; readonly name?: string };

function addOther(store: SpanStore, { subject }: Session, sent: Sent, known: Known): Draft | undefined {
  const { kind, id = `claude:${sent.place.id}`, name } = known;
  const ownName = (textAt(sent.span, 'name') ?? '').replace(claudePrefix, '');
  const { startNs, endNs, place } = sent;
  const result = sent.isFailed ? 'failure' : 'success';
  const span = { id, kind, name: name ?? ownName, startNs, endNs, result, telemetry: place } as const;
  const added = store.add({ ...span, ...subject });
  if (added !== undefined) store.name(place.id, id);
  return added;
}
