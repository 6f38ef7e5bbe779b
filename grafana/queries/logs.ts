// What the Logs dashboard asks: lines of all runs, narrowed by the variables at its top.
import { ofWorkflow, runLabel, stepLabel as step, withOriginBeforeLine, workflowLabel as workflow } from '../logql.ts';
import { labelOf, lines, severityLabel } from '../names.ts';
import { logLines, logsNow, logsOverTime } from '../query.ts';

/** The text is looked for first: it is the cheapest for Loki to look at, and leaves the least for the rest. */
const chosen = [
  `${lines} |~ \`\${search:raw}\``,
  ofWorkflow,
  `${runLabel}=~\`\${run:raw}\``,
  `${step}=~\`\${step:raw}\``,
  `${labelOf('iostream')}=~\`\${stream:regex}\``,
  `${severityLabel}=~\`\${severity:regex}\``,
].join(' | ');

/** Lines of the run itself have no step. */
const named = `${chosen} | label_format ${step}=\`{{ if .${step} }}{{ .${step} }}{{ else }}(run){{ end }}\``;
const errors = `${severityLabel}=~"ERROR|FATAL"`;

export const search = {
  volume: logsOverTime(`sum by (${severityLabel}) (count_over_time(${chosen} [$__interval]))`, `{{${severityLabel}}}`),
  total: logsNow(`sum(count_over_time(${chosen} [$__range]))`),
  errors: logsNow(
    `sum(count_over_time(${chosen} | ${errors} [$__range])) or sum(count_over_time(${chosen} [$__range])) * 0`,
  ),
  bytes: logsNow(`sum(bytes_over_time(${chosen} [$__range]))`),
  loudest: logsNow(`topk(10, sum by (${workflow}, ${step}) (count_over_time(${named} [$__range])))`),
  errorsBy: logsNow(`topk(10, sum by (${workflow}, ${step}) (count_over_time(${named} | ${errors} [$__range])))`),
  lines: logLines(`${chosen} ${withOriginBeforeLine}`, 1000),
};
