// What no sensible client sends: each is refused with its code, and the server continues for the others.
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { decodeClientMessage } from '../../../src/api/tail/decode.ts';
import { closeCodes, limits } from '../../../src/api/tail/protocol.ts';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder } from '../../../src/journal/index.ts';
import { tempRoot } from '../../journal/journal-rig.ts';
import { serveTail, watch, watcher } from './tail-rig.ts';

const executionId = 'x';
const subscribe = (more: object): string => JSON.stringify({ type: 'subscribe_execution', executionId, ...more });

describe('the decoder', () => {
  const bad = [
    ['', 'bad_json', /JSON/],
    ['{', 'bad_json', /JSON/],
    ['[]', 'bad_message', /object/],
    ['null', 'bad_message', /object/],
    ['{}', 'bad_message', /"type" is missing/],
    ['{"type":"subscribe"}', 'unknown_type', /subscribe_execution, /],
    ['{"type":"toString"}', 'unknown_type', /toString/],
    ['{"type":"subscribe_execution"}', 'bad_message', /"executionId" is missing/],
    ['{"type":"ping","executionId":"x"}', 'bad_message', /"executionId" is not known/],
    ['{"type":"jump_to_now","executionId":7}', 'bad_message', /"executionId" is 7/],
    [subscribe({ from_seq: 1 }), 'bad_message', /"from_seq" is not known.*fromSeq/],
    [subscribe({ fromSeq: -1 }), 'bad_message', /"fromSeq" is -1/],
    [subscribe({ fromSeq: 1.5 }), 'bad_message', /"fromSeq" is 1.5/],
    [subscribe({ fromSeq: 'start' }), 'bad_message', /"fromSeq" is "start".*"end"/],
    [subscribe({ filters: [] }), 'bad_message', /"filters" is \[\]/],
    [subscribe({ filters: { stream: [] } }), 'bad_message', /"filters.stream" is not known/],
    [subscribe({ filters: { streams: ['out'] } }), 'bad_message', /"filters.streams.0" is "out".*stdout, stderr/],
    [subscribe({ filters: { severities: 'error' } }), 'bad_message', /"filters.severities" is "error"/],
    [subscribe({ filters: { steps: [7] } }), 'bad_message', /"filters.steps.0" is 7/],
    [subscribe({ filters: { steps: Array(limits.maxFilterSteps + 1).fill('s') } }), 'bad_message', /a list of 1001/],
    [subscribe({ filters: { search: '/(/' } }), 'bad_message', /regular expression cannot be read/],
    [subscribe({ filters: { search: 'x'.repeat(limits.maxSearchLength + 1) } }), 'bad_message', /at most 1000/],
    [subscribe({ filters: { events: 'no' } }), 'bad_message', /true or false/],
    [subscribe({ id: 'i'.repeat(limits.maxNameLength + 1) }), 'bad_message', /1 to 256/],
  ] as const;
  test.each(bad)('refuses %s', (text, code, message) => {
    const decoded = decodeClientMessage(text);
    expect(decoded).toMatchObject({ ok: false, code });
    expect(!decoded.ok && decoded.message).toMatch(message);
  });

  test('takes each message as it is, and null as left out', () => {
    const full = {
      type: 'subscribe_execution',
      id: 'a',
      executionId,
      fromSeq: 'end',
      filters: { streams: ['stdout'], steps: ['build'], severities: ['error'], search: '/x/i', events: false },
    };
    for (const message of [full, { type: 'ping', nonce: 'n' }, { type: 'ping' }, { type: 'jump_to_now', executionId }])
      expect(decodeClientMessage(JSON.stringify(message))).toEqual({ ok: true, message });
    expect(decodeClientMessage(subscribe({ id: null, fromSeq: null, filters: null }))).toEqual({
      ok: true,
      message: { type: 'subscribe_execution', executionId },
    });
  });

  test('answers anything with a message or a short refusal, and never throws', () => {
    const key = fc.constantFrom(
      'type',
      'executionId',
      'fromSeq',
      'filters',
      'streams',
      'search',
      'id',
      '__proto__',
      'x',
    );
    const value = fc.oneof(
      fc.constantFrom<unknown>('subscribe_execution', 'ping', 'end', '/(/', '__proto__', -0, null),
      fc.jsonValue(),
      fc.array(fc.constantFrom('stdout', 'toString', 7)),
    );
    const message = fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value)));
    fc.assert(
      fc.property(
        fc.oneof(
          message.map((fields) => JSON.stringify(fields)),
          fc.string(),
          fc.json(),
        ),
        (text) => {
          const decoded = decodeClientMessage(text);
          if (decoded.ok) return;
          expect(decoded.message.length).toBeLessThan(1_000);
          expect(decoded.message).toMatch(/\.$/);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('the server', () => {
  test('answers what it does not understand, and closes when that does not end', async () => {
    const { url } = await serveTail(tempRoot());
    const one = await watcher(url);
    one.say({ type: 'nonsense' });
    expect((await one.heard('error')).data.code).toBe('unknown_type');
    one.say({ type: 'ping', nonce: 'still here' });
    expect((await one.heard('pong')).data.nonce).toBe('still here');
    for (let at = 1; at < limits.maxBadMessages; at++) one.socket.send('{');
    expect((await one.closed).code).toBe(closeCodes.badMessages);
    expect(one.messages.filter(({ type }) => type === 'error')).toHaveLength(limits.maxBadMessages);
  });

  test('closes on binary and oversized messages, with their codes', async () => {
    const { url } = await serveTail(tempRoot());
    const [binary, big, exact] = await Promise.all([watcher(url), watcher(url), watcher(url)]);
    binary.socket.send(Buffer.from('{"type":"ping"}'));
    expect((await binary.closed).code).toBe(closeCodes.binary);
    big.socket.send('x'.repeat(limits.maxMessageBytes + 1));
    expect((await big.closed).code).toBe(closeCodes.tooBig);
    exact.socket.send('x'.repeat(limits.maxMessageBytes));
    expect((await exact.heard('error')).data.code).toBe('bad_json');
  });

  test('survives frames that are against RFC 6455, and clients that go at once', async () => {
    const { url, port } = await serveTail(tempRoot());
    const one = await watcher(url);
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const upgrade = `GET /api/v1/tail HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`;
    // An unmasked frame, reserved bits, a continuation of nothing, a close frame of one byte, half a header.
    for (const frame of ['810161', 'f1800000000061', '808000000000', '8881000000006', '81ff']) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write(Buffer.concat([Buffer.from(upgrade), Buffer.from(frame, 'hex')]));
      if (frame === '81ff') socket.once('data', () => socket.destroy());
      else socket.resume();
      await once(socket, 'close');
    }
    one.say({ type: 'ping' });
    await one.heard('pong');
  });

  const upgrades = [
    ['a client without permission, with the answer of `authorize`', {}, 403],
    ['other subprotocols', { 'Sec-WebSocket-Protocol': 'graphql-ws' }, 400],
    ['a malformed key', { 'Sec-WebSocket-Key': 'short' }, 400],
  ] as const;
  test.each(upgrades)('refuses %s', async (_title, headers, status) => {
    const refused = { ok: false, status: 403, message: 'This Origin is not allowed.' } as const;
    const may = { ok: true, scope: 'read' } as const;
    const { port } = await serveTail(tempRoot(), { authorize: () => (status === 403 ? refused : may) });
    const fields = { Host: 'x', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' };
    const all = { ...fields, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers };
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString();
    });
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    socket.write(`GET /api/v1/tail HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'close');
    expect(text.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 403) expect(text).toContain('This Origin is not allowed.');
  });

  test('counts the connected clients, takes no more than its bound, and closes all with 1001 when it stops', async () => {
    const root = tempRoot();
    const { url, tail } = await serveTail(root, {
      tuning: { maxClients: 2 },
    });
    const journal = createJournal(dataFolder(root).runDir(newRunId()));
    const all = [await watch(url, journal.folder), await watch(url, journal.folder)];
    for (const one of all) await one.heard('caught_up');
    const third = new WebSocket(url);
    const [refusal] = await once(third, 'error');
    expect(String(refusal)).toContain('503');
    expect(tail.numbers().clients).toBe(2);
    await tail.stop();
    for (const one of all) expect((await one.closed).code).toBe(closeCodes.goingAway);
    // That the server stops is neither the end of the run nor an error of it.
    expect(all.flatMap(({ messages }) => messages.map(({ type }) => type))).not.toContain('error');
    expect(tail.numbers()).toMatchObject({ clients: 0, bufferedBytes: 0, jumped: 0 });
    await journal.close();
  });

  test('cuts a client that answers no ping, and keeps one that does', async () => {
    const { url } = await serveTail(tempRoot(), { tuning: { pingMs: 20 } });
    const dead = new WebSocket(url, { autoPong: false });
    const alive = await watcher(url);
    const [code] = await once(dead, 'close');
    expect(code).toBe(1006);
    alive.say({ type: 'ping' });
    await alive.heard('pong');
    expect(alive.socket.readyState).toBe(WebSocket.OPEN);
  });
});
