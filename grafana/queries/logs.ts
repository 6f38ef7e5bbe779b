// What the Logs dashboard asks: lines of all runs, narrowed by the variables at its top.
import { labelOf, lines, severityLabel } from '../names.ts';
import { logLines, logsNow, logsOverTime } from '../query.ts';

const workflow = labelOf('pipelineName');
const step = labelOf('stepId');

/** The text is looked for first: it is the cheapest for Loki to look at, and leaves the least for the rest. */
const chosen = [
  `${lines} |~ \`\${search:raw}\``,
  `${workflow}=~"$workflow"`,
  `${labelOf('pipelineRunId')}=~"$run"`,
  `${step}=~"$step"`,
  `${labelOf('iostream')}=~"$stream"`,
  `${severityLabel}=~"$severity"`,
].join(' | ');

export const search = {
  volume: logsOverTime(`sum by (${severityLabel}) (count_over_time(${chosen} [$__auto]))`, `{{${severityLabel}}}`),
  total: logsNow(`sum(count_over_time(${chosen} [$__range]))`),
  errors: logsNow(`sum(count_over_time(${chosen} | ${severityLabel}="ERROR" [$__range]))`),
  bytes: logsNow(`sum(bytes_over_time(${chosen} [$__range]))`),
  loudest: logsNow(`topk(10, sum by (${workflow}, ${step}) (count_over_time(${chosen} [$__range])))`),
  errorsBy: logsNow(
    `topk(10, sum by (${workflow}, ${step}) (count_over_time(${chosen} | ${severityLabel}="ERROR" [$__range])))`,
  ),
  lines: logLines(chosen, 1000),
};
