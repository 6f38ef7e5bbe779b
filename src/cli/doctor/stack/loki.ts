// Loki from outside: whether it is ready, and has the settings without which lines are lost or cannot be found. The same as
// stack/loki.yaml marks with "for stepspan".
import { attr } from '../../../readers/ship/map/names.ts';
import { advice, bad, type Check, good } from '../check.ts';
import { ask, askJson, notReady, parsedYaml, type Question, shown } from './ask.ts';

const what = 'Loki';

/** What of Loki's /config is looked at. It prints every setting, defaults included. */
type Config = {
  readonly limits_config?: {
    readonly allow_structured_metadata?: boolean;
    readonly shard_streams?: { readonly enabled?: boolean; readonly time_sharding_enabled?: boolean };
    readonly otlp_config?: {
      readonly resource_attributes?: {
        readonly attributes_config?: readonly { readonly action?: string; readonly attributes?: readonly string[] }[];
      };
    };
  };
};

/** @param headers what it wants with each question, as `lokiHeadersOf` has them */
export async function checkLoki(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Check[]> {
  const question = { headers };
  const failed = notReady(what, url, 'loki', await ask(url, 'ready', question));
  if (failed !== undefined) return [failed];
  return [good(what, `${shown(url)} is ready`), await checkSettings(url, question), await checkRules(url, question)];
}

async function checkSettings(url: string, question: Question): Promise<Check> {
  const about = 'Settings of Loki';
  const answer = await ask(url, 'config', question);
  const config = answer.kind === 'answered' && answer.ok ? parsedYaml<Config>(answer.text) : undefined;
  if (config?.limits_config === undefined) {
    return advice(about, 'it does not show them', 'Compare its limits_config with stack/loki.yaml, "for stepspan".');
  }
  const { allow_structured_metadata, shard_streams, otlp_config } = config.limits_config;
  const labels = (otlp_config?.resource_attributes?.attributes_config ?? [])
    .filter(({ action }) => action === 'index_label')
    .flatMap(({ attributes }) => attributes ?? []);
  const missing = [
    ...(allow_structured_metadata === true ? [] : ['allow_structured_metadata: true (run, step and trace of a line)']),
    ...(shard_streams?.time_sharding_enabled === true
      ? []
      : ['shard_streams.time_sharding_enabled: true (an older run shipped after a newer one is refused without)']),
    ...(shard_streams?.enabled === false
      ? []
      : ['shard_streams.enabled: false (a line sent again would show twice in a busy stream)']),
    ...(labels.includes(attr.pipelineName)
      ? []
      : [`${attr.pipelineName} as an index_label of otlp_config (dashboards and rules choose by it)`]),
    ...(labels.includes(attr.pipelineRunId)
      ? [`${attr.pipelineRunId} not as an index_label: it makes a stream, and an index entry, of every run`]
      : []),
  ];
  if (missing.length === 0) return good(about, 'as stepspan needs them');
  return bad(
    about,
    `${missing.length} not as stepspan needs: ${missing.join('; ')}`,
    'stack/loki.yaml has them, with reasons.',
  );
}

async function checkRules(url: string, question: Question): Promise<Check> {
  const about = 'Rules of Loki';
  const answer = await askJson<{ data?: { groups?: { rules?: { name: string; lastError?: string }[] }[] } }>(
    url,
    'prometheus/api/v1/rules',
    question,
  );
  const rules = (answer?.data?.groups ?? []).flatMap((group) => group.rules ?? []);
  const ours = rules.filter(({ name }) => name.startsWith('Stepspan'));
  const failing = rules.find(({ lastError }) => lastError !== undefined && lastError !== '');
  if (failing !== undefined) {
    return bad(
      about,
      `${failing.name} cannot be evaluated: ${failing.lastError}`,
      'Its expression is wrong, or asks too much.',
    );
  }
  if (ours.length > 0) return good(about, `${ours.length} of stepspan, all evaluated`);
  const remedy = 'Give alerting/loki/stepspan to its ruler as the folder of the tenant; within a minute it reads them.';
  return advice(about, 'it has none of stepspan, so nothing alerts on what is printed', remedy);
}
