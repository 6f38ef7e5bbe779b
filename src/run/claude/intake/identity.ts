// Takes out of telemetry who the person is. Pure. What Claude Code 2.1.328 was seen to send on every span, log record
// and data point: user.id (of the device), user.email, user.account_uuid, user.account_id, organization.id; and behind an
// enterprise gateway user.groups and identity.source.
import { isObject, type JsonObject } from '../../../core/json.ts';

/** Whole families, so that an attribute that a later version adds is out as well. */
const FAMILIES = ['user.', 'enduser.', 'organization.', 'identity.', 'account.'];

/** Single keys: other spellings of the same, as found in log records and hooks of other tools. */
const KEYS = new Set([
  'user',
  'email',
  'user_email',
  'user_id',
  'username',
  'user_name',
  'account_uuid',
  'account_id',
  'organization_id',
  'organization_uuid',
  'org_id',
  'process.owner',
  'client.address',
]);

/** Deepest nesting that is read. A real request has about 12 levels, attribute values that hold lists included. */
export const MAX_DEPTH = 64;

/** Whether an attribute says who the person or their organisation is. */
export function isIdentity(key: string): boolean {
  const name = key.toLowerCase();
  return KEYS.has(name) || FAMILIES.some((family) => name.startsWith(family));
}

/**
 * A copy of the request without identity attributes, wherever they are: resource, scope, span, event, link, log record,
 * data point, exemplar, or inside an attribute's own key-value list. Any list element with such a `key` is left out.
 * @returns undefined if the value is nested deeper than `MAX_DEPTH`
 */
export function withoutIdentity(request: JsonObject): JsonObject | undefined {
  let tooDeep = false;

  function copy(value: unknown, depth: number): unknown {
    if (depth > MAX_DEPTH) {
      tooDeep = true;
      return null;
    }
    if (Array.isArray(value)) {
      const kept = value.filter((each) => !(isObject(each) && typeof each.key === 'string' && isIdentity(each.key)));
      return kept.map((each) => copy(each, depth + 1));
    }
    return isObject(value) ? copyObject(value, depth) : value;
  }

  function copyObject(value: JsonObject, depth: number): JsonObject {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copy(each, depth + 1)]));
  }

  const cleaned = copyObject(request, 0);
  return tooDeep ? undefined : cleaned;
}
