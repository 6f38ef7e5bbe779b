// alerts.yaml: the one file in which rules are switched off and changed, run rules and those of Prometheus and Loki alike.
// Turns its text into complete settings for every rule, or into problems that name file, line and what to write. Reads no file.
import { z } from 'zod';
import { readYamlText } from '../../core/yaml-text.ts';
import { allRules } from './catalogue.ts';
import { defaultSettings, type RuleDefinition, type RuleSettings, ruleSeverities } from './rule.ts';
import { thresholdSchema } from './threshold.ts';

/** How long a workflow may go without a success is read as any duration; it has no default. */
const period = thresholdSchema({ kind: 'duration', default: 0, meaning: 'how long without a success' });

/** Everything that alerts.yaml decides. */
export type AlertSettings = {
  /** For every rule there is, by name. */
  readonly rules: Readonly<Record<string, RuleSettings>>;
  /** Workflows that run by the clock, and how long each may go without a success, in milliseconds. */
  readonly schedules: Readonly<Record<string, number>>;
  /** Put on every alert beside its own labels, such as `team`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly links: {
    /** The address of runbook.md, wherever it is published. */
    readonly runbook: string | undefined;
    /** Grafana's address, for dashboards. */
    readonly grafana: string | undefined;
    /** The hub's address as people reach it, for the live page. */
    readonly hub: string | undefined;
  };
};

export type ReadAlerts =
  | { readonly ok: true; readonly settings: AlertSettings }
  /** One sentence each, with file and line. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Labels that rules set themselves; a custom one of that name would give an alert another identity. */
const ownLabels = ['alertname', 'severity', 'workflow', 'run', 'step', 'source'];

const text = z.string({ error: 'write a text' });
const address = text.regex(/^https?:\/\/\S+$/, { error: 'write an address such as `https://grafana.example.com`' });

/** The schema of alerts.yaml over a list of rules. What it leaves out stays as it is by default. */
export function alertsSchema(rules: readonly RuleDefinition[] = allRules) {
  const ruleSchemas = rules.map((rule) => {
    const thresholds = Object.entries(rule.thresholds).map(([name, threshold]) => [
      name,
      thresholdSchema(threshold).optional(),
    ]);
    const fields = {
      enabled: z.boolean({ error: 'write `true` or `false`' }).optional(),
      severity: z.enum(ruleSeverities, { error: `write ${ruleSeverities.join(', ')}` }).optional(),
    };
    return [rule.name, z.strictObject({ ...Object.fromEntries(thresholds), ...fields }).nullish()];
  });
  return z.strictObject({
    rules: z.strictObject(Object.fromEntries(ruleSchemas)).nullish(),
    schedules: z.record(z.string(), period).nullish(),
    labels: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), text).nullish(),
    links: z
      .strictObject({ runbook: address.optional(), grafana: address.optional(), hub: address.optional() })
      .nullish(),
  });
}

/** The settings where there is no alerts.yaml. */
export function defaultAlerts(rules: readonly RuleDefinition[] = allRules): AlertSettings {
  return {
    rules: Object.fromEntries(rules.map((rule) => [rule.name, defaultSettings(rule)])),
    schedules: {},
    labels: {},
    links: { runbook: undefined, grafana: undefined, hub: undefined },
  };
}

/**
 * Reads the text of an alerts.yaml.
 * @param file what problems call it
 * @param rules the rules that it may name; all of them but in tests
 */
export function readAlerts(source: string, file: string, rules: readonly RuleDefinition[] = allRules): ReadAlerts {
  const yaml = readYamlText(source);
  if (!yaml.ok)
    return { ok: false, problems: yaml.problem.map(({ line, message, fix }) => `${file}:${line}: ${message}; ${fix}`) };
  const content = yaml.value.toJson() ?? {};
  const parsed = alertsSchema(rules).safeParse(content);
  const where = (path: readonly PropertyKey[]): string =>
    `${file}:${yaml.value.positionOfKey(path).line}: ${path.map(String).join('.') || 'the file'}`;
  const problems = parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemsOf(issue, where, rules));
  const labels = (content as { labels?: object }).labels ?? {};
  for (const label of Object.keys(labels).filter((name) => ownLabels.includes(name)))
    problems.push(`${where(['labels', label])} is a label that stepspan sets itself; choose another name`);
  if (!parsed.success || problems.length > 0) return { ok: false, problems };
  return { ok: true, settings: merged(parsed.data, rules) };
}

type Parsed = z.infer<ReturnType<typeof alertsSchema>>;
type GivenRule = Partial<Pick<RuleSettings, 'enabled' | 'severity'>> & Readonly<Record<string, unknown>>;

function merged(given: Parsed, rules: readonly RuleDefinition[]): AlertSettings {
  const givenRules = (given.rules ?? {}) as Readonly<Record<string, GivenRule | null | undefined>>;
  const settings = rules.map((rule) => {
    const { enabled = true, severity = rule.severity, ...thresholds } = givenRules[rule.name] ?? {};
    const before = defaultSettings(rule);
    return [rule.name, { enabled, severity, thresholds: { ...before.thresholds, ...thresholds } }];
  });
  const { runbook, grafana, hub } = given.links ?? {};
  return {
    rules: Object.fromEntries(settings),
    schedules: given.schedules ?? {},
    labels: given.labels ?? {},
    links: { runbook, grafana, hub },
  };
}

function problemsOf(
  issue: z.core.$ZodIssue,
  where: (path: readonly PropertyKey[]) => string,
  rules: readonly RuleDefinition[],
): readonly string[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${where([...issue.path, key])} is not known; write one of ${known(issue, rules)}`);
  if (issue.code === 'invalid_key')
    return [`${where(issue.path)} is no label name; write letters, digits and _, a letter first`];
  if (issue.code === 'invalid_type' && issue.expected === 'object')
    return [`${where(issue.path)} is no list of settings; write \`name: value\` lines below it`];
  return [`${where(issue.path)}: ${issue.message}`];
}

function known(issue: z.core.$ZodIssue, rules: readonly RuleDefinition[]): string {
  const [top, ruleName] = issue.path;
  if (top === undefined) return 'rules, schedules, labels, links';
  if (top === 'links') return 'runbook, grafana, hub';
  const rule = rules.find(({ name }) => name === ruleName);
  if (rule === undefined) return rules.map(({ name }) => name).join(', ');
  return ['enabled', 'severity', ...Object.keys(rule.thresholds)].join(', ');
}
