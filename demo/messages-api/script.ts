// What the scripted Messages API answers: turns, and which of them belongs to which request. Pure: no server, no clock.
// A request is matched by what the conversation says, never by the order of arrival, so that several Claude Code
// processes, and the subagents of one, can be answered at once.

/** A request body of POST /v1/messages, as far as a script looks at it. */
export type MessagesRequest = {
  readonly model: string;
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly system?: unknown;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly ContentBlock[] }[];
  readonly tools?: readonly { readonly name: string }[];
  readonly metadata?: { readonly user_id?: string };
};

export type ContentBlock = { readonly type: string; readonly text?: string; readonly [key: string]: unknown };

/** Token counts as the API reports them; the four do not overlap. */
export type TurnUsage = {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheCreation?: number;
};

export type Turn =
  | {
      readonly kind: 'reply';
      /** Before the text. */
      readonly thinking?: string;
      readonly text?: string;
      /** Behind the text, as they are: what the API itself carries out, and blocks of kinds that come later. */
      readonly blocks?: readonly ContentBlock[];
      readonly tools?: readonly { readonly name: string; readonly input: unknown; readonly id?: string }[];
      readonly usage?: TurnUsage;
      /** Before the first byte. */
      readonly delayMs?: number;
      /** Between two pieces of text, so that people watching see it being written. */
      readonly pieceDelayMs?: number;
      readonly stopReason?: string;
    }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** How many requests for this turn fail before the turn after it is given. Absent: all of them. */
      readonly times?: number;
    }
  /** Takes the request and never answers, as an API behind a dead proxy does. */
  | { readonly kind: 'silence' }
  /** Starts a reply, says the text, and then stops. */
  | { readonly kind: 'hang'; readonly text: string }
  /** Starts a reply, says the text, and breaks the connection. */
  | { readonly kind: 'drop'; readonly text: string };

export type Conversation = {
  /** A part of the prompt, or a test of it. The first conversation that matches is used. */
  readonly prompt: string | RegExp;
  /** One for each answer that the conversation needs; the last is repeated. */
  readonly turns: readonly Turn[];
};

export type Script = readonly Conversation[] | ((request: MessagesRequest, position: Position) => Turn);

/** The place of a request in the script: the newest prompt of a person in it, and how many answers that prompt has had. */
export type Position = { readonly prompt: string; readonly answers: number };

/** Text that Claude Code puts beside the prompt itself, which no script is about. */
const besideThePrompt = /^\s*<(system-reminder|local-command|command-name)/;

/** The newest prompt of a request and the number of assistant messages after it. */
export function positionOf(request: MessagesRequest): Position {
  let answers = 0;
  for (const message of [...request.messages].reverse()) {
    if (message.role === 'assistant') answers += 1;
    if (message.role !== 'user') continue;
    const prompt = promptOf(message.content);
    if (prompt !== undefined) return { prompt, answers };
  }
  return { prompt: '', answers };
}

function promptOf(content: string | readonly ContentBlock[]): string | undefined {
  if (typeof content === 'string') return besideThePrompt.test(content) ? undefined : content;
  if (content.some((block) => block.type === 'tool_result')) return undefined;
  const texts = content.flatMap((block) => (block.type === 'text' && block.text !== undefined ? [block.text] : []));
  return texts.filter((text) => !besideThePrompt.test(text)).at(-1);
}

/**
 * The turn that answers a request.
 * @param failed how many requests at this position were answered with an error so far
 */
export function turnFor(script: Script, request: MessagesRequest, failed: number): Turn {
  const position = positionOf(request);
  if (typeof script === 'function') return script(request, position);
  const conversation = script.find(({ prompt }) =>
    typeof prompt === 'string' ? position.prompt.includes(prompt) : prompt.test(position.prompt),
  );
  if (conversation === undefined) {
    const asked = JSON.stringify(position.prompt.slice(0, 200));
    return { kind: 'error', status: 400, message: `the script has no conversation for the prompt ${asked}` };
  }
  return turnAt(conversation.turns, position.answers, failed);
}

/** Errors take no place in a conversation, so replies are counted over the turns that succeeded. */
function turnAt(turns: readonly Turn[], answers: number, failed: number): Turn {
  let replies = 0;
  let failures = 0;
  for (const turn of turns) {
    if (turn.kind !== 'error') {
      if (replies === answers) return turn;
      replies += 1;
      continue;
    }
    if (replies !== answers) continue;
    failures += turn.times ?? Number.POSITIVE_INFINITY;
    if (failed < failures) return turn;
  }
  return turns.at(-1) ?? { kind: 'error', status: 400, message: 'the conversation of the script has no turns' };
}
