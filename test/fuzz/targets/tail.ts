// What a client of the tail says: any text is a message in its normal form or a refusal with a code and a sentence.

import { clientMessages } from '../../../src/api/schema/messages.ts';
import { decodeClientMessage } from '../../../src/api/tail/decode.ts';
import { limits } from '../../../src/api/tail/protocol.ts';
import { parseSearch } from '../../../src/runs/select-records.ts';
import { type FuzzTarget, must } from '../target.ts';

function subscribe(fields: object): string {
  return JSON.stringify({ type: 'subscribe_execution', executionId: 'r', ...fields });
}

export const tail: FuzzTarget = {
  name: 'tail',
  seeds: [
    '{"type":"subscribe_execution","id":"1","executionId":"20260101-000000-aaaaaa","fromSeq":0,"filters":{"streams":["stdout"],"steps":["a"],"severities":["error"],"search":"/a+/i","events":true}}',
    '{"type":"unsubscribe_execution","executionId":"20260101-000000-aaaaaa"}',
    '{"type":"jump_to_now","executionId":"20260101-000000-aaaaaa"}',
    '{"type":"ping","nonce":"x"}',
    // Each one step beyond a bound: a change of a byte in others seldom gets there.
    subscribe({ fromSeq: -1 }),
    subscribe({ fromSeq: 0.5 }),
    subscribe({ executionId: '' }),
    subscribe({ executionId: 'x'.repeat(limits.maxNameLength + 1) }),
    subscribe({ id: 'x'.repeat(limits.maxNameLength + 1) }),
    subscribe({ filters: { steps: Array.from({ length: limits.maxFilterSteps + 1 }, () => 'a') } }),
    subscribe({ filters: { search: 'a'.repeat(limits.maxSearchLength + 1) } }),
    subscribe({ filters: { search: '/(/' } }),
    subscribe({ filters: { events: 1 } }),
    subscribe({ filters: { severities: ['loud'] } }),
  ],
  words: [
    '"fromSeq":"end"',
    '"fromSeq":-1',
    '"search":"/(a+)+$/"',
    '"__proto__":',
    'null',
    '[]',
    '1e999',
    '"\\ud800"',
    '"filters":{',
  ],
  run(input) {
    const decoded = decodeClientMessage(input.toString('utf8'));
    if (decoded.ok) {
      const { message } = decoded;
      must(Object.hasOwn(clientMessages, message.type), 'a message has a known type');
      const again = decodeClientMessage(JSON.stringify(message));
      must(again.ok && JSON.stringify(again.message) === JSON.stringify(message), 'a message is in its normal form');
      if (!('executionId' in message)) return;
      must(message.executionId.length <= limits.maxNameLength && message.executionId !== '', 'names are bounded');
      if (message.type !== 'subscribe_execution') return;
      const { fromSeq = 0, filters = {} } = message;
      must(fromSeq === 'end' || (Number.isSafeInteger(fromSeq) && fromSeq >= 0), 'a place is a number from 0 on');
      must((filters.steps?.length ?? 0) <= limits.maxFilterSteps, 'filters are bounded');
      must(filters.search === undefined || parseSearch(filters.search).ok, 'what is searched for can be searched for');
      must((filters.search?.length ?? 0) <= limits.maxSearchLength, 'what is searched for is bounded');
      must(filters.events === undefined || typeof filters.events === 'boolean', 'a flag is true or false');
      return;
    }
    must(decoded.message !== '' && decoded.message.length < 2_000, 'a refusal says why, in a sentence');
    must((decoded.id?.length ?? 0) <= limits.maxNameLength, 'what is sent back is bounded');
  },
};
