// Every query of every rule in one list, for tests that parse them or ask a real Prometheus and Loki.

import { lokiGroups, prometheusGroups } from '../../alerting/groups.ts';
import { type Alert, type Group, isAlert } from '../../alerting/rule.ts';
import type { AlertSettings } from '../../src/runs/alerts/rule.ts';

export type RuleQuery = {
  readonly language: 'promql' | 'logql';
  /** The name of the alert or of the recorded series. */
  readonly rule: string;
  /**
   * `condition`: an alert's expression, empty while nothing is wrong. `measure`: what it compares with a threshold, and
   * `recording`: what is recorded; both return something where runs were counted.
   */
  readonly kind: 'condition' | 'measure' | 'recording';
  readonly query: string;
};

/** The alerts of groups, without recording rules. */
export function alertsOf(groups: readonly Group[]): readonly Alert[] {
  return groups.flatMap((group) => group.rules.filter(isAlert));
}

/** @param settings `schedules` in it bring the queries of StepspanNoRecentSuccess */
export function ruleQueries(settings: AlertSettings): readonly RuleQuery[] {
  return [...queriesOf('promql', prometheusGroups(settings)), ...queriesOf('logql', lokiGroups(settings))];
}

function queriesOf(language: RuleQuery['language'], groups: readonly Group[]): readonly RuleQuery[] {
  const conditions = alertsOf(groups).flatMap(({ rule, expr, measures }): readonly RuleQuery[] => [
    { language, rule: rule.name, kind: 'condition', query: expr },
    ...measures.map((query): RuleQuery => ({ language, rule: rule.name, kind: 'measure', query })),
  ]);
  const recorded = groups
    .flatMap(({ rules }) => rules)
    .flatMap((rule): readonly RuleQuery[] =>
      isAlert(rule) ? [] : [{ language, rule: rule.record, kind: 'recording', query: rule.expr }],
    );
  return [...recorded, ...conditions];
}
