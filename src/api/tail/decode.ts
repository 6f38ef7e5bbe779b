// What a client says, from text to a checked message. Pure; the schemas are in schema/messages.ts.
import { isObject, must, problemOf } from '../schema/fields.ts';
import { type ClientMessage, clientMessages, type ErrorCode } from '../schema/messages.ts';
import { limits } from './protocol.ts';

export type Decoded =
  | { readonly ok: true; readonly message: ClientMessage }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      /** As far as they could be read, so that the client knows which of its messages is meant. */
      readonly id: string | null;
      readonly executionId: string | null;
    };

const typeRule = must(`one of ${Object.keys(clientMessages).join(', ')}`);

/** @param text of one frame; the socket bounds its size */
export function decodeClientMessage(text: string): Decoded {
  const value = parsed(text);
  if (value === undefined) return refused('bad_json', 'This is not JSON. Send one JSON object in a text frame.', {});
  if (!isObject(value)) return refused('bad_message', 'A message is a JSON object with a "type".', {});
  const fields = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
  const { type } = fields;
  if (!isClientType(type)) {
    const message = typeRule.error({ path: ['type'], input: type }).replace('\n', ' ');
    return refused(typeof type === 'string' ? 'unknown_type' : 'bad_message', message, fields);
  }
  const checked = clientMessages[type].safeParse(fields);
  if (checked.success) return { ok: true, message: checked.data };
  const { message, fix } = problemOf(checked.error);
  return refused('bad_message', `${message} ${fix}`, fields);
}

function isClientType(type: unknown): type is keyof typeof clientMessages {
  return typeof type === 'string' && Object.hasOwn(clientMessages, type);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(code: ErrorCode, message: string, { id, executionId }: Readonly<Record<string, unknown>>): Decoded {
  return { ok: false, code, message, id: nameOrNull(id), executionId: nameOrNull(executionId) };
}

function nameOrNull(value: unknown): string | null {
  return typeof value === 'string' && value.length <= limits.maxNameLength ? value : null;
}
