// The Prometheus rules as promtool sees them: that they are valid, and for each alert that it fires, keeps quiet and
// resolves when it should.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { prometheusGroups } from '../../alerting/groups.ts';
import { renderRules } from '../../alerting/render.ts';
import { defaultAlerts } from '../../src/runs/alerts/alerts-file.ts';
import { prometheusRules } from '../../src/runs/alerts/backend-rules.ts';
import { promtoolTest, type RuleCase } from './alerting/case.ts';
import { backendCases } from './alerting/cases-backends.ts';
import { hubCases } from './alerting/cases-hub.ts';
import { journalCases } from './alerting/cases-journal.ts';
import { workflowCases } from './alerting/cases-workflows.ts';
import { locateBackends } from './support/backends.ts';

const { promtool } = locateBackends();
const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = { ...defaultAlerts(), schedules: { nightly: 26 * 3_600_000 } };
const rendered = renderRules('Prometheus', prometheusGroups(settings), settings);
const cases: readonly RuleCase[] = [...workflowCases, ...hubCases, ...journalCases, ...backendCases];

type Rule = { record?: string; alert?: string; annotations?: Record<string, string> };
type RuleFile = { groups: { name: string; rules: Rule[] }[] };

function run(args: readonly string[]): string {
  try {
    return execFileSync(promtool, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(' ')}:\n${stdout}\n${stderr}`);
  }
}

/** The rules of one alert, and what is recorded. Links are left out where promtool would want them repeated. */
function rulesOf(alert: string, links: boolean): string {
  const { groups } = parse(rendered) as RuleFile;
  const own = groups.map(({ name, rules }) => ({
    name,
    rules: rules
      .filter((rule) => rule.record !== undefined || rule.alert === alert)
      .map(({ annotations, ...rule }) => {
        if (annotations === undefined) return rule;
        return { ...rule, annotations: links ? annotations : { summary: annotations.summary } };
      }),
  }));
  return stringify({ groups: own });
}

/** @returns what promtool prints; throws it when the case does not hold */
function play(played: RuleCase, links = false): string {
  writeFileSync(path.join(folder, 'rules.yaml'), rulesOf(played.alert, links));
  const severity = prometheusRules[played.alert as keyof typeof prometheusRules].severity;
  const content = {
    rule_files: ['rules.yaml'],
    evaluation_interval: isLong(played) ? '5m' : '1m',
    tests: [promtoolTest(played, severity)],
  };
  writeFileSync(path.join(folder, 'tests.yaml'), stringify(content, { aliasDuplicateObjects: false }));
  return run(['test', 'rules', 'tests.yaml']);
}

/** At one evaluation per minute, a case of many hours takes promtool ten seconds. If it looks at round times only, fewer do. */
function isLong({ at }: RuleCase): boolean {
  const minutes = Object.keys(at).map(Number);
  return Math.max(...minutes) > 20 * 60 && minutes.every((minute) => minute % 30 === 0);
}

test('the rules are valid, with schedules and without', () => {
  for (const each of [settings, defaultAlerts()]) {
    writeFileSync(path.join(folder, 'all.yaml'), renderRules('Prometheus', prometheusGroups(each), each));
    expect(run(['check', 'rules', 'all.yaml'])).toContain('SUCCESS');
  }
});

test("the example of a user's own rule is valid", () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../alerting/custom/README.md'), 'utf8');
  const [promql, ...others] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
  writeFileSync(path.join(folder, 'own.yaml'), promql ?? '');
  expect(run(['check', 'rules', 'own.yaml'])).toContain('1 rules found');
  expect(others).toHaveLength(1);
});

describe.each(Object.keys(prometheusRules))('%s', (alert) => {
  const own = cases.filter((each) => each.alert === alert);

  test.each(own.map((each) => [each.title, each] as const))('%s', (_title, each) => {
    expect(play(each)).toContain('SUCCESS');
  });

  test('is seen to keep quiet, to fire, and to be over', () => {
    const firings = own.map(({ at }) => Object.values(at).map((alerts) => (alerts.length > 0 ? 'fires' : 'quiet')));
    expect(firings).toContainEqual(expect.arrayContaining(['fires']));
    const whole = firings.filter((each) => each[0] === 'quiet' && each.includes('fires') && each.at(-1) === 'quiet');
    expect(whole.length).toBeGreaterThan(0);
  });
});

test('a case that does not hold is found', () => {
  const [first] = hubCases;
  if (first === undefined) throw new Error('no cases');
  expect(() => play({ ...first, at: { 13: [] } })).toThrow('does not answer');
});

test.each(Object.keys(prometheusRules))('%s has its description and links filled in', (alert) => {
  // Expecting nothing makes promtool print what there is.
  const printed = cases.flatMap((each) => {
    const at = firstFiring(each);
    return each.alert === alert && at !== undefined ? [play.bind(undefined, { ...each, at }, true)] : [];
  });
  for (const print of printed) {
    const text = messageOf(print);
    expect(text).toMatch(/description="\w/);
    expect(text).not.toMatch(/error expanding|<no value>|%!|NaN|\{\{/);
    expect(text).toMatch(/runbook_url="[^"]+#stepspan/);
  }
});

function messageOf(print: () => unknown): string {
  try {
    return String(print());
  } catch (error) {
    return (error as Error).message;
  }
}

function firstFiring({ at }: RuleCase): RuleCase['at'] | undefined {
  const [minute] = Object.entries(at).find(([, alerts]) => alerts.length > 0) ?? [];
  return minute === undefined ? undefined : { [Number(minute)]: [] };
}
