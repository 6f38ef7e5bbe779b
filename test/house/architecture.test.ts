// docs/architecture.md names files: each of them exists, and the trips have as many as they say.
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from './tracked.ts';

const page = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');
const files = globSync('{src,web,grafana}/**/*.{ts,tsx}', { cwd: root });
const trips = page.slice(page.indexOf('### Five trips'), page.indexOf('## Processes'));

test.each(
  [...trips.matchAll(/^\| ([^|]+) \| (\d+) \| ([^|]+) \|$/gm)].map(([, name, count, through]) => [
    name,
    count,
    through,
  ]),
)('the trip of %s goes through %s files that exist', (_name, count, through = '') => {
  // What is edited for a new key follows the trip.
  const named = [...(through.split('. A new')[0] ?? '').matchAll(/`([\w/-]+\.tsx?)`/g)].map((match) => match[1] ?? '');
  expect(named).toHaveLength(Number(count));
  expect(named.filter((name) => !files.some((file) => file.endsWith(`/${name}`)))).toEqual([]);
});

test('every path from the root that the page names exists', () => {
  const named = [...page.matchAll(/`((?:src|web|grafana|alerting|stack|test)\/[\w/.*-]+)`/g)].map(
    (match) => match[1] ?? '',
  );
  expect(named.length).toBeGreaterThan(20);
  const isThere = (name: string): boolean =>
    name.includes('*') ? globSync(name, { cwd: root }).length > 0 : existsSync(path.join(root, name));
  expect(named.filter((name) => !isThere(name))).toEqual([]);
});
