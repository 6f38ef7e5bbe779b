// The runbook has a section for every rule, of stepspan, Prometheus and Loki, under the anchor that alerts link to.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { allRules } from '../../src/runs/alerts/catalogue.ts';
import { runbookLink } from '../../src/runs/alerts/rule.ts';

const folder = path.resolve(import.meta.dirname, '../../alerting');
const runbook = readFileSync(path.join(folder, 'runbook.md'), 'utf8');
const sections = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return [title, lines.join('\n')] as const;
    }),
);

/** As the places where Markdown is read make it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');

test('has one section for each rule, and none besides', () => {
  expect([...sections.keys()].sort()).toEqual(allRules.map(({ name }) => name).sort());
  expect(runbook.match(/^## /gm)).toHaveLength(allRules.length);
});

describe.each(allRules.map(({ name }) => name))('%s', (name) => {
  test('says what it means, what to look at and what to do, under the anchor of its link', () => {
    const section = sections.get(name) ?? '';
    for (const part of ['Meaning', 'First look', 'Fix']) {
      const [, text = ''] =
        new RegExp(`^\\*\\*${part}\\.\\*\\* ([^]+?)(?=\\n\\n\\*\\*|\\n*$(?![^]))`, 'm').exec(section) ?? [];
      expect(text.length, part).toBeGreaterThan(10);
    }
    expect(runbookLink('runbook.md', name)).toBe(`runbook.md#${anchorOf(name)}`);
  });
});

test.each(['runbook.md', 'README.md', 'custom/README.md'])('links of %s lead somewhere', (file) => {
  const text = readFileSync(path.join(folder, file), 'utf8');
  const anchors = new Set([...sections.keys()].map(anchorOf));
  const dead = [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)].filter(([, target = '', anchor]) => {
    if (/^https?:/.test(target)) return false;
    if (target === '') return !anchors.has(anchor ?? '');
    return !existsSync(path.resolve(folder, path.dirname(file), target));
  });
  expect(dead.map(([link]) => link)).toEqual([]);
});
