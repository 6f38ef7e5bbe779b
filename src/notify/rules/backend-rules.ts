// The rules that Prometheus and Loki's ruler evaluate: names, severities and thresholds, so that alerts.yaml covers them.
// Their queries are in alerting/; nothing of src evaluates them.
import type { RuleDefinition } from './rule.ts';

export const backendRules: readonly RuleDefinition[] = [];
