// Loki from outside: whether it is ready, and has the settings without which lines are lost or cannot be found: those that
// stack/loki.yaml marks with "for stepspan".
import { z } from 'zod';
import { attr } from '../../../otlp/names.ts';
import { advice, bad, type Check, good } from '../check.ts';
import { ask, askJson, notReady, type Question, readYaml, shown } from './ask.ts';

const what = 'Loki';

/** The part of Loki's /config that matters here. Loki prints every setting, defaults included; an empty list as null. */
const configSchema = z.object({
  limits_config: z.object({
    allow_structured_metadata: z.boolean().optional(),
    shard_streams: z.object({ enabled: z.boolean(), time_sharding_enabled: z.boolean() }).partial().optional(),
    otlp_config: z
      .object({
        resource_attributes: z
          .object({
            attributes_config: z
              .array(z.object({ action: z.string().optional(), attributes: z.array(z.string()).nullish() }))
              .nullish(),
          })
          .nullish(),
      })
      .nullish(),
  }),
});

const ruleSchema = z.object({ name: z.string(), lastError: z.string().optional() });
const rulesSchema = z.object({
  data: z.object({ groups: z.array(z.object({ rules: z.array(ruleSchema).nullish() })).nullish() }),
});

/** @param headers of each question, as `lokiHeadersOf` returns them */
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
  const config = answer.kind === 'answered' && answer.ok ? readYaml(answer.text, configSchema) : undefined;
  if (config === undefined) {
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
      : [
          'shard_streams.time_sharding_enabled: true (without it, an older run that is sent after a newer one is refused)',
        ]),
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
    `stepspan needs ${missing.length} of them changed: ${missing.join('; ')}`,
    'stack/loki.yaml has them, with the reasons.',
  );
}

async function checkRules(url: string, question: Question): Promise<Check> {
  const about = 'Rules of Loki';
  const answer = await askJson(url, { path: 'prometheus/api/v1/rules', schema: rulesSchema, ...question });
  const rules = (answer?.data.groups ?? []).flatMap((group) => group.rules ?? []);
  const ours = rules.filter(({ name }) => name.startsWith('Stepspan'));
  const failing = rules.find(({ lastError }) => lastError !== undefined && lastError !== '');
  if (failing !== undefined) {
    return bad(
      about,
      `${failing.name} cannot be evaluated: ${failing.lastError}`,
      'Its expression is wrong, or reads too much.',
    );
  }
  if (ours.length > 0) return good(about, `${ours.length} of stepspan, all evaluated`);
  const remedy =
    'Mount alerting/loki/stepspan as the folder of the tenant of its ruler; it reads them within a minute.';
  return advice(about, 'it has none of stepspan, so nothing alerts on what is printed', remedy);
}
