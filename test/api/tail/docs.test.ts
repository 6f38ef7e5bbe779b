// docs/tail-protocol.md and the code name the same messages, limits, error codes and close codes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  clientMessageTypes,
  closeCodes,
  connectionMessageTypes,
  type ErrorCode,
  journalMessageTypes,
  limits,
  subprotocol,
  subscriptionMessageTypes,
  tailPath,
} from '../../../src/api/tail/protocol.ts';

const page = readFileSync(new URL('../../../docs/tail-protocol.md', import.meta.url), 'utf8');

/** The rows of the table below a heading, without its head; each as the text of its cells, code marks taken off. */
function table(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

const first = (heading: string): (string | undefined)[] => table(heading).map(([cell]) => cell);

// A type that names every code, so that a new one breaks the build here too.
const errorCodes: Readonly<Record<ErrorCode, true>> = {
  bad_json: true,
  bad_message: true,
  unknown_type: true,
  not_found: true,
  not_subscribed: true,
  too_many_subscriptions: true,
  beyond_end: true,
  journal_unreadable: true,
  search_too_slow: true,
};

test('messages stand in the tables, in the order of the code', () => {
  expect(first('What a client says')).toEqual(clientMessageTypes);
  expect(first('What happened')).toEqual(journalMessageTypes);
  expect(first('Where a subscription stands')).toEqual(subscriptionMessageTypes);
  expect(first('About the connection')).toEqual(connectionMessageTypes);
});

test('limits have the numbers of the code', () => {
  expect(table('Limits').map(([name, value]) => [name, Number(value?.replaceAll(',', ''))])).toEqual(
    Object.entries(limits),
  );
});

test('error codes and close codes are all told', () => {
  expect(first('Errors')).toEqual(Object.keys(errorCodes));
  const told = first('Close codes').map(Number);
  expect(told).toEqual(expect.arrayContaining(Object.values(closeCodes)));
});

test('the path and the subprotocol are those of the code', () => {
  expect(page).toContain(tailPath);
  expect(page).toContain(subprotocol);
});
