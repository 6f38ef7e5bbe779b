// The four dashboards, and how each becomes a file.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { health } from './health.ts';
import { logs } from './logs.ts';
import { overview } from './overview.ts';
import { run } from './run.ts';

export const allDashboards: readonly Dashboard[] = [overview, run, logs, health];

export function fileNameOf(dashboard: Dashboard): string {
  return `${dashboard.uid ?? ''}.json`;
}

/** The same text for the same dashboard, whatever machine makes it. */
export function textOf(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
