// The variables at the top of the dashboards: what can be chosen, and what is chosen at first.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { metrics } from '../src/readers/measure/catalogue.ts';
import { severityColours, sources } from './names.ts';

type Variable = dashboard.VariableModel;

const all = { text: 'All', value: '$__all', selected: true };

/** Also matches series without a workflow, as of a journal whose start is lost. */
const anything = '.*';

/** The workflows that the hub has counted runs of. */
export function workflowVariable(): Variable {
  return new dashboard.QueryVariableBuilder('workflow')
    .label('Workflow')
    .description('Of which workflows.')
    .datasource(sources.prometheus)
    .query({
      qryType: 1,
      query: `label_values(${metrics.runsStarted.name}, workflow)`,
      refId: 'PrometheusVariableQueryEditor-VariableQuery',
    })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(anything)
    .current(all)
    .build();
}

type Words = {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly words: readonly string[];
  /** Those that are chosen at first; none for all. */
  readonly chosen?: readonly string[];
};

/** Some of a few words, or all of them. */
function wordsVariable({ name, label, description, words, chosen = [] }: Words): Variable {
  const options = words.map((word) => ({ text: word, value: word, selected: chosen.includes(word) }));
  const builder = new dashboard.CustomVariableBuilder(name)
    .label(label)
    .description(description)
    .values(words.join(','))
    .options([{ ...all, selected: chosen.length === 0 }, ...options])
    .multi(true)
    .includeAll(true)
    .allValue(anything);
  return builder.current(chosen.length === 0 ? all : { text: [...chosen], value: [...chosen] }).build();
}

export function textVariable(name: string, label: string, description: string, text = ''): Variable {
  return new dashboard.TextBoxVariableBuilder(name)
    .label(label)
    .description(description)
    .defaultValue(text)
    .current({ text, value: text })
    .build();
}

/** A variable that only links set. */
export function hiddenVariable(name: string, label: string, description: string, text: string): Variable {
  return { ...textVariable(name, label, description, text), hide: dashboard.VariableHide.HideVariable };
}

/** Filters of the lines that are shown, by source and text. */
export function lineVariables(): readonly Variable[] {
  return [
    textVariable('step', 'Step', 'A regular expression that the id of a step has to match whole.', '.*'),
    wordsVariable({
      name: 'stream',
      label: 'Stream',
      description: 'Where a line was printed to; debug is raw protocol of Claude Code.',
      words: ['stdout', 'stderr', 'system', 'debug'],
      chosen: ['stdout', 'stderr', 'system'],
    }),
    wordsVariable({
      name: 'severity',
      label: 'Severity',
      description: 'The severity of a line.',
      words: Object.keys(severityColours),
    }),
    textVariable(
      'search',
      'Search',
      'A regular expression of RE2 in the text of a line; (?i) at its start ignores case.',
    ),
  ];
}
