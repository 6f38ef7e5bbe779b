// Groups of rules as the YAML that Prometheus and Loki's ruler read; both take the same form. Pure: the same settings give
// the same bytes.
import { stringify } from 'yaml';
import { formatSetDuration } from '../src/core/duration.ts';
import type { AlertSettings } from '../src/runs/alerts/rule.ts';
import { runbookLink } from '../src/runs/alerts/rule.ts';
import { type Alert, type Dashboard, type Group, isAlert, type Recording } from './rule.ts';

/** Where the pieces of docker-compose.yml listen, for links when alerts.yaml has none. */
const composeLinks = { grafana: 'http://127.0.0.1:3000', hub: 'http://127.0.0.1:9464' };

/** In the repository; a link only where alerts.yaml says where it is published. */
const runbookFile = 'alerting/runbook.md';

const head = (reader: string): string =>
  `# Rules for ${reader}, made by \`node alerting/generate.ts\` from alerting/ and alerts.yaml.\n` +
  '# What you change here is lost with the next call. alerts.yaml switches rules off and changes thresholds;\n' +
  '# rules of your own belong in alerting/custom. docs/alerts.md says how.\n';

/** @param reader who reads it, for the comment at its top */
export function renderRules(reader: string, groups: readonly Group[], settings: AlertSettings): string {
  const content = {
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => (isAlert(rule) ? alertEntry(rule, settings) : recordingEntry(rule))),
    })),
  };
  // Long lines stay whole: a folded query cannot be copied. Without aliases, as neither program promises to know them.
  return head(reader) + stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}

function alertEntry(alert: Alert, settings: AlertSettings): object {
  const { rule, forMs = 0 } = alert;
  const severity = alert.severity ?? settings.rules[rule.name]?.severity ?? rule.severity;
  const grafana = withoutSlash(settings.links.grafana ?? composeLinks.grafana);
  return {
    alert: rule.name,
    expr: alert.expr,
    ...(forMs === 0 ? {} : { for: formatSetDuration(forMs) }),
    labels: { ...settings.labels, ...alert.labels, severity, source: rule.source },
    annotations: {
      summary: alert.summary,
      description: alert.description,
      runbook_url: runbookLink(settings.links.runbook ?? runbookFile, rule.name),
      dashboard_url: `${grafana}/d/${alert.dashboard}${variables(alert.dashboard)}`,
      live_url: `${withoutSlash(settings.links.hub ?? composeLinks.hub)}/`,
    },
  };
}

function recordingEntry({ record, expr }: Recording): object {
  return { record, expr };
}

/** What a dashboard is opened with: the workflow, where the alert is about one. */
function variables(dashboard: Dashboard): string {
  switch (dashboard) {
    case 'stepspan-overview':
    case 'stepspan-logs':
      return '{{ with $labels.workflow }}?var-workflow={{ . | urlquery }}{{ end }}';
    case 'stepspan-health':
      return '';
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
