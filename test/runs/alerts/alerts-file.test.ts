// alerts.yaml: what it changes, and the message for each mistake in it.
import { describe, expect, test } from 'vitest';
import { formatSetDuration, parseDuration } from '../../../src/core/duration.ts';
import { formatBytes, parseBytes } from '../../../src/core/units.ts';
import { allRules, defaultAlerts, readAlerts } from '../../../src/runs/alerts/index.ts';

describe('alerts.yaml', () => {
  test('that is empty changes nothing', () => {
    for (const text of ['', '# nothing yet\n', 'rules:\n'])
      expect(readAlerts(text, 'alerts.yaml')).toEqual({ ok: true, settings: defaultAlerts() });
  });

  test('changes what it names and leaves the rest, of rules of every kind', () => {
    const read = readAlerts(
      'rules:\n  StepspanRunStuck: { after: 30m }\n  StepspanHubDown: { enabled: false, severity: info }\nlabels: { team: payments }\n',
      'alerts.yaml',
    );
    if (!read.ok) throw new Error(read.problems.join('\n'));
    expect(read.settings.rules.StepspanRunStuck).toEqual({
      enabled: true,
      severity: 'warning',
      thresholds: { after: 30 * 60_000 },
    });
    expect(read.settings.rules.StepspanHubDown).toMatchObject({ enabled: false, severity: 'info' });
    expect(read.settings.rules.StepspanStepSlow).toEqual(defaultAlerts().rules.StepspanStepSlow);
    expect(read.settings.labels).toEqual({ team: 'payments' });
  });

  test.each([
    ['rules:\n  StepspanRunStuk: {}', 'a.yaml:2: rules.StepspanRunStuk is not known; write one of StepspanRunFailed, '],
    [
      'rules:\n  StepspanRunStuck:\n    after: soon',
      'a.yaml:3: rules.StepspanRunStuck.after: write a duration such as ',
    ],
    [
      'rules:\n  StepspanRunStuck:\n    for: 5m',
      'a.yaml:3: rules.StepspanRunStuck.for is not known; write one of enabled, severity, after',
    ],
    [
      'rules:\n  StepspanRunStuck: off',
      'a.yaml:2: rules.StepspanRunStuck is not a list of settings; write `name: value` lines below it',
    ],
    [
      'rules:\n  StepspanBudgetWarning: { share: 80 }',
      'a.yaml:2: rules.StepspanBudgetWarning.share: write a share from 0 to 1 such as `0.8`',
    ],
    [
      'rules:\n  StepspanRunFailed:\n    severity: page',
      'a.yaml:3: rules.StepspanRunFailed.severity: write critical, warning, info',
    ],
    ['labels:\n  run: x', 'a.yaml:2: labels.run is a label that stepspan sets itself; choose another name'],
    [
      'links:\n  grafana: grafana.example.com',
      'a.yaml:2: links.grafana: write an address such as `https://grafana.example.com`',
    ],
    ['rules: {\n', 'a.yaml:2: a bracket or brace that was opened above is not closed here'],
    ['- rules', 'a.yaml:1: the file is not a list of settings; write `name: value` lines below it'],
  ])('names what is wrong with %j', (text, problem) => {
    const read = readAlerts(text, 'a.yaml');
    expect(read.ok ? [] : read.problems).toEqual([expect.stringContaining(problem)]);
  });
});

test('every rule has a name, a sentence, and thresholds that can be written and read back', () => {
  expect(new Set(allRules.map(({ name }) => name)).size).toBe(allRules.length);
  for (const { name, meaning, thresholds } of allRules) {
    expect(name).toMatch(/^Stepspan[A-Z][A-Za-z]+$/);
    expect(meaning).toMatch(/\.$/);
    for (const { kind, default: value } of Object.values(thresholds)) {
      if (kind === 'duration') expect(parseDuration(formatSetDuration(value))).toBe(value);
      if (kind === 'size') expect(parseBytes(formatBytes(value))).toBe(value);
      expect(value).toBeGreaterThan(0);
    }
  }
});
