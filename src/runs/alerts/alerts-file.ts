// alerts.yaml: the one file that switches rules off and changes them, those of runs and those of Prometheus and Loki. Its text
// becomes complete settings for every rule, or problems that name file, line and what to write. Called by the CLI and alerting/.
import { z } from 'zod';
import { readYamlText } from '../../core/yaml-text.ts';
import { allRules } from './catalogue.ts';
import { type AlertSettings, defaultSettings, type RuleDefinition, type RuleSettings, ruleSeverities } from './rule.ts';
import { thresholdSchema } from './threshold.ts';

/** How long a workflow may go without a success is read as any duration; it has no default. */
const period = thresholdSchema({ kind: 'duration', default: 0, meaning: 'how long without a success' });

export type ReadAlerts =
  | { readonly ok: true; readonly settings: AlertSettings }
  /** One sentence each, with file and line. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Labels that rules set themselves: a custom one of that name would change the identity of an alert. */
const ownLabels = ['alertname', 'severity', 'workflow', 'run', 'step', 'source'];

const text = z.string({ error: 'write a text' });
const address = text
  .regex(/^https?:\/\/\S+$/, { error: 'write an address such as `https://grafana.example.com`' })
  .optional();
const label = z
  .string()
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'is not a label name; write letters, digits and _, a letter first' })
  .refine((name) => !ownLabels.includes(name), { error: 'is a label that stepspan sets itself; choose another name' });

/** What a file leaves out, or leaves empty, has its default. */
function orDefault<T>(schema: z.ZodType<T>, value: T): z.ZodType<T, unknown> {
  return schema.nullish().transform((read) => read ?? value);
}

function ruleSchema(rule: RuleDefinition): z.ZodType<RuleSettings, unknown> {
  const thresholds = Object.entries(rule.thresholds).map(
    ([name, threshold]) => [name, thresholdSchema(threshold).default(threshold.default)] as const,
  );
  const fields = {
    enabled: z.boolean({ error: 'write `true` or `false`' }).default(true),
    severity: z.enum(ruleSeverities, { error: `write ${ruleSeverities.join(', ')}` }).default(rule.severity),
  };
  const schema = z
    .strictObject({ ...Object.fromEntries(thresholds), ...fields })
    .transform(({ enabled, severity, ...rest }) => ({ enabled, severity, thresholds: rest }));
  return orDefault(schema, defaultSettings(rule));
}

/** The schema of alerts.yaml over a list of rules. */
export function alertsSchema(rules: readonly RuleDefinition[] = allRules): z.ZodType<AlertSettings, unknown> {
  const defaults = defaultAlerts(rules);
  const { rules: _, schedules, labels, links } = defaults;
  const schema = z.strictObject({
    rules: orDefault(
      z.strictObject(Object.fromEntries(rules.map((rule) => [rule.name, ruleSchema(rule)]))),
      defaults.rules,
    ),
    schedules: orDefault(z.record(z.string(), period), schedules),
    labels: orDefault(z.record(label, text), labels),
    links: orDefault(
      z
        .strictObject({ runbook: address, grafana: address, hub: address })
        .transform((given) => ({ ...links, ...given })),
      links,
    ),
  });
  return orDefault(schema, defaults);
}

/** The settings if there is no alerts.yaml. */
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
 * @param file its name, for problems
 * @param rules the rules that it may name; all of them but in tests
 */
export function readAlerts(source: string, file: string, rules: readonly RuleDefinition[] = allRules): ReadAlerts {
  const yaml = readYamlText(source);
  if (!yaml.ok)
    return { ok: false, problems: yaml.problem.map(({ line, message, fix }) => `${file}:${line}: ${message}; ${fix}`) };
  const parsed = alertsSchema(rules).safeParse(yaml.value.toJson());
  if (parsed.success) return { ok: true, settings: parsed.data };
  const where = (path: readonly PropertyKey[]): string =>
    `${file}:${yaml.value.positionOfKey(path).line}: ${path.map(String).join('.') || 'the file'}`;
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, where, rules)) };
}

function problemsOf(
  issue: z.core.$ZodIssue,
  where: (path: readonly PropertyKey[]) => string,
  rules: readonly RuleDefinition[],
): readonly string[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(
      (key) => `${where([...issue.path, key])} is not known; write one of ${knownKeys(issue, rules)}`,
    );
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => `${where(issue.path)} ${message}`);
  if (issue.code === 'invalid_type' && issue.expected === 'object')
    return [`${where(issue.path)} is not a list of settings; write \`name: value\` lines below it`];
  return [`${where(issue.path)}: ${issue.message}`];
}

function knownKeys(issue: z.core.$ZodIssue, rules: readonly RuleDefinition[]): string {
  const [top, ruleName] = issue.path;
  if (top === undefined) return 'rules, schedules, labels, links';
  if (top === 'links') return 'runbook, grafana, hub';
  const rule = rules.find(({ name }) => name === ruleName);
  if (rule === undefined) return rules.map(({ name }) => name).join(', ');
  return ['enabled', 'severity', ...Object.keys(rule.thresholds)].join(', ');
}
