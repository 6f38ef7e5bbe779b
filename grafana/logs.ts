// The Logs dashboard: search over the lines of all runs, and what there is most of.
import { rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable } from './dashboard.ts';
import { stepLabel, workflowLabel } from './logql.ts';
import { severityColours, uids } from './names.ts';
import { always, bars, goodThen, graph, logLinesPanel, number, type Panel, words } from './panels.ts';
import { search } from './queries/logs.ts';
import { lineVariables, textVariable, workflowVariable } from './variables.ts';

const nothing = 'No line matches in this time';

const volume: readonly Panel[] = [
  graph({
    title: 'How many lines are there?',
    description: 'Lines that match, by severity, from point to point of the graph.',
    unit: 'short',
    queries: [search.volume],
    draw: 'bars',
    points: 120,
    colours: severityColours,
    w: 15,
    h: 8,
    empty: nothing,
  }),
  number({
    title: 'Lines',
    description: 'Lines that match, in this time.',
    unit: 'locale',
    queries: [search.total],
    w: 3,
    h: 8,
    empty: nothing,
  }),
  number({
    title: 'Errors',
    description: 'Lines that match and say that they are errors.',
    unit: 'short',
    queries: [search.errors],
    thresholds: goodThen(1),
    w: 3,
    h: 8,
    empty: nothing,
  }),
  number({
    title: 'Bytes',
    description: 'Of the lines that match, in this time.',
    unit: 'bytes',
    queries: [search.bytes],
    w: 3,
    h: 8,
    empty: nothing,
  }),
];

const lines: readonly Panel[] = [
  logLinesPanel({
    title: 'Which lines match?',
    description:
      'The newest 1,000, each behind its workflow and step; the number of all is above. A line opens to its attributes, and from there to its trace and its span.',
    queries: [search.lines],
    w: 24,
    h: 20,
    empty: nothing,
  }),
];

const most: readonly Panel[] = [
  bars({
    title: 'Who prints most?',
    description: 'The ten steps with the most lines that match. Lines of the run itself are under (run).',
    unit: 'short',
    queries: [search.loudest],
    names: [workflowLabel, stepLabel],
    w: 8,
    h: 9,
    empty: nothing,
  }),
  bars({
    title: 'Who prints the most errors?',
    description: 'The ten steps with the most lines that match and are errors.',
    unit: 'short',
    queries: [search.errorsBy],
    names: [workflowLabel, stepLabel],
    thresholds: always('red'),
    w: 8,
    h: 9,
    empty: 'No error matches in this time',
  }),
  words({
    title: 'How to take lines out',
    description: 'Ways to export what is found here.',
    w: 8,
    h: 9,
    markdown: [
      'What is shown: the menu of the panel *Which lines match?*, **Inspect**, **Data**, **Download CSV** or **Download logs**.',
      '',
      'A whole run, from its journal on its machine, in full and in order:',
      '',
      '    stepspan export RUN --format text',
      '',
      'A whole run from Loki, from any machine:',
      '',
      '    stepspan export RUN --from loki',
      '',
      'Anything, with `logcli` of Loki:',
      '',
      '    logcli query --limit 0 --output raw \'{service_name="stepspan"} |~ `error`\'',
    ].join('\n'),
  }),
];

export const logs = dashboardOf({
  uid: uids.logs,
  title: 'stepspan: Logs',
  description: 'Search over the lines of all runs, by severity, stream, workflow, run, step and regular expression.',
  from: 'now-6h',
  refresh: '',
  variables: [
    workflowVariable(),
    textVariable('run', 'Run', 'A regular expression that the id of a run has to match whole.', '.*'),
    ...lineVariables(),
    hubVariable(),
  ],
  annotations: [rulesAsAnnotations('workflow=~`${workflow:regex}|`')],
  links: [],
  rows: [
    { title: 'How much', panels: volume },
    { title: 'Lines', panels: lines },
    { title: 'Where they come from, and how to take them out', panels: most },
  ],
});
