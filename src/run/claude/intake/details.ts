// Reduces what Claude Code's detailed tracing sends to what its ordinary telemetry would hold. Pure. Called by the intake
// for requests that came to the address of that tracing, which is used for its cost and its spans, not for its contents:
// it adds the definition of each tool (60 KB for each process) and, up to 2.1.40 at least, pieces of the conversation.
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import { type JsonObject, objectAt, objectsAt, textAt } from '../../../core/json.ts';
import { mapItems } from '../../../otlp/request.ts';
import { attributesOf } from '../../../otlp/values.ts';

const CONTENT_EVENTS = new Set<unknown>(['tool', 'system_prompt']);

const CONTENT_KEYS = new Set([
  'new_context',
  'response.model_output',
  'system_prompt',
  'system_prompt_preview',
  'system_reminders',
  'tool_input',
  'tools',
]);

/** Of one value on a span. Ordinary ones have up to 200 characters; a longer one is content under a name of a later version. */
const MAX_VALUE_CHARACTERS = 1_000;

/** The request without the contents of the conversation. Malformed elements are left out too. */
export function withoutDetails(signal: TelemetrySignal, request: JsonObject): JsonObject {
  if (signal === 'metrics') return request;
  return mapItems(request, signal, (item) => {
    if (signal === 'logs') return CONTENT_EVENTS.has(attributesOf(item)['event.name']) ? undefined : item;
    return { ...item, attributes: objectsAt(item, 'attributes').filter((attribute) => !isContent(attribute)) };
  }).request;
}

function isContent(attribute: JsonObject): boolean {
  if (CONTENT_KEYS.has(textAt(attribute, 'key') ?? '')) return true;
  return (textAt(objectAt(attribute, 'value'), 'stringValue')?.length ?? 0) > MAX_VALUE_CHARACTERS;
}
