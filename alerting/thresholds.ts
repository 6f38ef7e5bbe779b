// The thresholds of a rule as they are in force, under the names that its definition gives them: so that a name which the
// definition has not got is an error of the type check.
import type { AlertSettings } from '../src/runs/alerts/alerts-file.ts';
import type { RuleDefinition } from '../src/runs/alerts/rule.ts';

/** Durations in milliseconds, sizes in bytes. */
export type Thresholds = <R extends RuleDefinition>(rule: R) => { readonly [K in keyof R['thresholds']]: number };

export function thresholdsOf(settings: AlertSettings): Thresholds {
  return <R extends RuleDefinition>(rule: R) => {
    const found = settings.rules[rule.name]?.thresholds;
    if (found === undefined) throw new Error(`${rule.name} is not among the settings`);
    return found as { readonly [K in keyof R['thresholds']]: number };
  };
}
