// What a client of the tail says: any text is a message in its normal form or a refusal with a code and a sentence.
import { decodeClientMessage } from '../../../src/tail/decode.ts';
import { type FuzzTarget, must } from '../target.ts';

export const tail: FuzzTarget = {
  name: 'tail',
  seeds: [
    '{"type":"subscribe_execution","id":"1","executionId":"20260101-000000-aaaaaa","fromSeq":0,"filters":{"streams":["stdout"],"steps":["a"],"severities":["error"],"search":"/a+/i","events":true}}',
    '{"type":"unsubscribe_execution","executionId":"20260101-000000-aaaaaa"}',
    '{"type":"jump_to_now","executionId":"20260101-000000-aaaaaa"}',
    '{"type":"ping","nonce":"x"}',
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
      must(typeof decoded.message.type === 'string', 'a message has its type');
      return;
    }
    must(decoded.message !== '' && decoded.code !== undefined, 'a refusal says why');
  },
};
