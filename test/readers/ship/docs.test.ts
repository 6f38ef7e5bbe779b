// docs/telemetry.md names the attributes and events that the code sends, all of them and no others.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { attr } from '../../../src/otlp/names.ts';

const docs = readFileSync(path.resolve(import.meta.dirname, '../../../docs/telemetry.md'), 'utf8');
const quoted = new Set([...docs.matchAll(/`([a-z_0-9]+(?:\.[a-z_0-9]+)+)`/g)].map((match) => match[1] ?? ''));
const ofAttributes = /^(stepspan|cicd|gen_ai|vcs|process|log|error)\./;
/** Events of the journal whose names look like attributes. */
const events = new Set(['process.orphaned', 'process.signalled']);

test('every attribute that is sent is documented', () => {
  expect(Object.values(attr).filter((name) => !quoted.has(name))).toEqual([]);
});

test('every attribute that is documented is sent', () => {
  const names = new Set<string>(Object.values(attr));
  const unknown = [...quoted].filter((name) => ofAttributes.test(name) && !names.has(name) && !events.has(name));
  expect(unknown).toEqual([]);
});

test('every event that marks a span is documented', () => {
  const source = readFileSync(
    path.resolve(import.meta.dirname, '../../../src/readers/ship/map/span-events.ts'),
    'utf8',
  );
  const marks = [...source.matchAll(/case '([a-z._]+)':/g)].map((match) => match[1] ?? '');
  expect(marks.length).toBeGreaterThan(10);
  expect(marks.filter((name) => !quoted.has(name))).toEqual([]);
});
