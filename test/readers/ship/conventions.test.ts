// docs/conventions.md has a row for each name of the conventions that is sent, and for each of CI/CD in the official package.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as semconv from '@opentelemetry/semantic-conventions/incubating';
import { expect, test } from 'vitest';
import { attr, schemaUrl } from '../../../src/otlp/names.ts';
import { attributeOfLabel } from '../../../src/readers/measure/catalogue-conventions.ts';
import { catalogue } from '../../../src/readers/measure/index.ts';

const docs = readFileSync(path.resolve(import.meta.dirname, '../../../docs/conventions.md'), 'utf8');
const rows = docs
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| convention |'))
  .map((line) => line.split('|').map((cell) => cell.trim()));
/** Metrics that the conventions define. */
const named = catalogue.filter(({ convention }) => convention !== undefined);
const isConvention = (name: string): boolean => !name.startsWith('stepspan.');

/** The row whose first column has the name. */
const rowOf = (name: string): readonly string[] | undefined => rows.find(([, first]) => first?.includes(`\`${name}\``));

test('every name of the conventions that is sent has a row that says so', () => {
  const sent = Object.values(attr).filter(isConvention);
  expect(sent.length).toBeGreaterThan(30);
  expect(sent.filter((name) => rowOf(name) === undefined)).toEqual([]);
  expect(sent.filter((name) => rowOf(name)?.[2]?.includes('not sent'))).toEqual([]);
});

test('every attribute and metric of CI/CD in the official package has a row', () => {
  const names = Object.entries(semconv)
    .filter(([key]) => /^(ATTR|METRIC)_CICD_/.test(key))
    .map(([, name]) => String(name));
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => rowOf(name) === undefined)).toEqual([]);
});

test('what a row says is the same is sent', () => {
  const sent = new Set<string>([
    ...Object.values(attr),
    ...Object.values(attributeOfLabel),
    ...named.map(({ convention }) => convention?.name ?? ''),
    ...['service.name', 'service.version', 'host.name'],
  ]);
  const claimed = rows
    .filter(([, , ours]) => ours?.startsWith('same'))
    .flatMap(([, first]) => [...(first ?? '').matchAll(/`([a-z_.]+)`/g)].map((match) => match[1] ?? ''));
  expect(claimed.length).toBeGreaterThan(30);
  expect(claimed.filter((name) => !sent.has(name))).toEqual([]);
});

test('every metric of ours in a row is served', () => {
  const served = new Set<string>(catalogue.map(({ name }) => name));
  const claimed = [...docs.matchAll(/`(stepspan_[a-z_]+)`/g)].map((match) => match[1] ?? '');
  expect(claimed.length).toBeGreaterThan(7);
  expect(claimed.filter((name) => !served.has(name))).toEqual([]);
});

test('every metric of the conventions that is sent has a row, and the name and unit of the official package', () => {
  expect(named.length).toBeGreaterThan(4);
  const official = new Set(Object.entries(semconv).flatMap(([key, name]) => (key.startsWith('METRIC_') ? [name] : [])));
  for (const { name, convention, type, labels } of named) {
    expect(rowOf(convention?.name ?? '')?.[2], name).toMatch(/^same/);
    if (name.startsWith('cicd')) expect(official).toContain(convention?.name);
    const unit = convention?.unit === 's' ? '_seconds' : '';
    const total = type === 'counter' ? '_total' : '';
    expect(name).toBe(`${convention?.name.replaceAll('.', '_')}${unit}${total}`);
    for (const label of Object.keys(labels)) {
      const attribute = Object.entries(attributeOfLabel).find(([key]) => key === label)?.[1];
      expect(attribute?.replaceAll('.', '_'), label).toBe(label);
    }
  }
});

test('every row has an answer', () => {
  expect(rows.filter(([, , ours]) => ours === undefined || ours === '')).toEqual([]);
  expect(docs).toContain(schemaUrl);
});
