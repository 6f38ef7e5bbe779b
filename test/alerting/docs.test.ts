// docs/alerts.md lists every rule of Prometheus and Loki with its severity, and each of its settings with its default.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { backendRules } from '../../src/runs/alerts/backend-rules.ts';
import { thresholdText } from '../../src/runs/alerts/threshold.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/alerts.md'), 'utf8');

test.each(backendRules.map((rule) => [rule.name, rule] as const))('%s', (name, { severity, source, thresholds }) => {
  const row = page.split('\n').find((line) => line.startsWith(`| ${name} `)) ?? '';
  expect(row).toContain(`| ${severity}`);
  expect(row.includes('(Loki)')).toBe(source === 'loki');
  const settings = Object.entries(thresholds).map(([key, each]) => `\`${key}\` ${thresholdText(each, each.default)}`);
  expect(row.split('|').at(-2)?.trim()).toBe(settings.join(', '));
});
