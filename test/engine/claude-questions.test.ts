// What can happen to the questions of a Claude step, in any order: answers of several people, forged and repeated ones, withdrawals, an
// attempt that ends, and more questions than a session asks. Every question is closed once, and nothing is allowed that nobody has allowed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { createClaudeQuestions } from '../../src/run/engine/claude-questions.ts';
import { createQuestions } from '../../src/run/engine/questions.ts';
import { createMemoryAppend } from '../support/memory-append.ts';

const subject = { step: 'fix', attempt: 1 } as const;

function asking() {
  const append = createMemoryAppend();
  const asked = () => append.events('claude.asked').map(({ event }) => event);
  const answered = () => append.events('claude.answered').map(({ event }) => event);
  const sent: JsonObject[] = [];
  const holds: boolean[] = [];
  const questions = createQuestions(append);
  const claude = createClaudeQuestions({
    ...{ subject, questions },
    ask: { kind: 'wait', waitMs: 60_000, totalWaitMs: 600_000, onTimeout: 'deny', allow: [], deny: [] },
    send: (line) => void sent.push(JSON.parse(line)),
    onWaiting: (isWaiting) => void holds.push(isWaiting),
    stop: () => undefined,
  });
  const ask = (id: string): void => {
    const request = { subtype: 'can_use_tool', tool_name: 'Bash', tool_use_id: `t-${id}`, input: { command: id } };
    const message = { type: 'control_request', request_id: id, request };
    claude.message(message, message);
  };
  const withdraw = (id: string): void => {
    const message = { type: 'control_cancel_request', request_id: id };
    claude.message(message, message);
  };
  /** By the ids of Claude Code's requests. */
  const idOf = (id: string): string =>
    asked().find(({ toolUseId }) => toolUseId === `t-${id}`)?.questionId ?? 'q-00000000';
  const answersTo = (id: string): readonly JsonObject[] =>
    sent.flatMap(({ response }) => {
      const { request_id, response: given } = response as { request_id: string; response: JsonObject };
      return request_id === id ? [given] : [];
    });
  return { asked, answered, questions, claude, ask, withdraw, idOf, answersTo, holds };
}

const id = fc.constantFrom('a', 'b', 'c');
const action = fc.oneof(
  fc.record({ kind: fc.constant('ask' as const), id }),
  fc.record({ kind: fc.constant('withdraw' as const), id }),
  fc.record({ kind: fc.constantFrom('allow' as const, 'deny' as const, 'text' as const, 'forged' as const), id }),
  fc.record({ kind: fc.constant('close' as const), id }),
);

test('every question is closed once, by the first, and only what a person allows is allowed', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
      const run = asking();
      const asked = new Set<string>();
      const who = { by: 'anna', from: 'api' } as const;
      for (const { kind, id: name } of actions) {
        if (kind === 'ask' && !asked.has(name)) {
          asked.add(name);
          run.ask(name);
        } else if (kind === 'withdraw') run.withdraw(name);
        else if (kind === 'close') run.claude.close();
        else if (kind === 'forged')
          expect(run.questions.answer('q-ffffffff', { kind: 'allow' }, who)).toMatchObject({ ok: false });
        else if (kind === 'deny') run.questions.answer(run.idOf(name), { kind, reason: 'no' }, who);
        else if (kind === 'text')
          expect(run.questions.answer(run.idOf(name), { kind, text: 'yes' }, who)).toMatchObject({ ok: false });
        else if (kind === 'allow') run.questions.answer(run.idOf(name), { kind }, who);
      }
      run.claude.close();
      const closed = run.answered();
      expect(closed.map(({ questionId }) => questionId).toSorted()).toEqual([...asked].map(run.idOf).toSorted());
      for (const name of asked) {
        const answer = closed.find(({ questionId }) => questionId === run.idOf(name))?.answer;
        const behaviours = run.answersTo(name).map(({ behavior }) => behavior);
        expect(behaviours).toEqual(answer === 'allowed' ? ['allow'] : answer === 'denied' ? ['deny'] : []);
        expect(run.questions.answer(run.idOf(name), { kind: 'allow' }, who)).toMatchObject({ ok: false });
      }
      expect(run.holds.filter((isWaiting) => isWaiting)).toHaveLength(run.holds.length / 2);
    }),
  );
});

test('of more than 100 questions at once the others are denied, and each of the 100 can be answered', () => {
  const run = asking();
  const ids = Array.from({ length: 101 }, (_, index) => `call-${index}`);
  for (const each of ids) run.ask(each);
  expect(run.asked()).toHaveLength(100);
  expect(run.answersTo('call-100')).toMatchObject([
    { behavior: 'deny', message: '100 calls wait for a permission already. Ask for less at once.' },
  ]);
  const who = { by: 'bert', from: 'cli' } as const;
  for (const each of ids.slice(0, 100).toReversed())
    expect(run.questions.answer(run.idOf(each), { kind: 'allow' }, who)).toEqual({
      ok: true,
      message: 'Bash is allowed',
    });
  expect(run.answered()).toHaveLength(100);
  expect(run.questions.answer(run.idOf('call-7'), { kind: 'deny', reason: '' }, { by: 'anna', from: 'page' })).toEqual({
    ok: false,
    message: 'bert was faster: it is allowed already',
  });
  expect(run.holds).toEqual([true, false]);
});
