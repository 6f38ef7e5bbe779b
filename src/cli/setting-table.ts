// Defines every setting once: its name, kind, default, variable and what it does.
// Flags, variables, the settings file, their checks and docs/settings.md are all made from this table.
import { type Durability, dataRoot, homeFolder } from '../journal/index.ts';
import {
  archivePlace,
  concurrency,
  durability,
  duration,
  folder,
  headers,
  type Kind,
  labelKeys,
  oneOf,
  port,
  program,
  secretText,
  secretUrl,
  size,
  text,
  url,
  wait,
  yesNo,
} from './setting-kinds.ts';

export type Surroundings = { readonly env: NodeJS.ProcessEnv; readonly cwd: string; readonly home: string | undefined };

export type Setting<T> = {
  readonly kind: Kind<T>;
  /** The value if none is set. */
  readonly default: (around: Surroundings) => T;
  /** The default in words, for help and documentation. */
  readonly defaultText: string;
  /** One sentence. */
  readonly description: string;
  /** What a number means in the program; '' if it is not a number. */
  readonly unit: '' | 'ms' | 'bytes';
};

function setting<T>(
  kind: Kind<T>,
  defaults: { readonly value: (around: Surroundings) => T; readonly as: string },
  description: string,
  unit: Setting<T>['unit'] = '',
): Setting<T> {
  return { kind, default: defaults.value, defaultText: defaults.as, description, unit };
}

/** A setting that can be without a value. */
function optional<T>(
  kind: Kind<T>,
  description: string,
  as = 'none',
  unit: Setting<T>['unit'] = '',
): Setting<T | undefined> {
  return { kind, default: () => undefined, defaultText: as, description, unit };
}

const day = 86_400_000;

/** The name under which Claude Code installs itself. */
export const defaultClaude = 'claude';

export const settingTable = {
  dataDir: setting(
    folder,
    {
      value: ({ env, home }) => dataRoot({ ...env, HOME: home }),
      as: '`$XDG_STATE_HOME/stepspan`, else `~/.local/state/stepspan`',
    },
    'Where runs are kept.',
  ),
  durability: setting<Durability>(
    durability,
    { value: () => ({ everyMs: 100 }), as: '`100ms`' },
    'How often a run is synced to the disk: at this interval, `always` (at every write) or `none` (left to the system). A killed stepspan loses nothing either way; this is about power cuts.',
  ),
  redact: setting(yesNo, { value: () => true, as: '`on`' }, 'Whether secrets are replaced before anything is written.'),
  retentionMaxAge: setting(
    duration,
    { value: () => 30 * day, as: '`30d`' },
    'The hub removes runs that ended longer ago. What had not been sent of them is counted in `stepspan_retention_unread_records_total`.',
    'ms',
  ),
  retentionMaxBytes: setting(
    size,
    { value: () => 10 * 2 ** 30, as: '`10GiB`' },
    'The hub removes the oldest runs while the data folder is larger, and counts what was unread as above.',
    'bytes',
  ),
  archive: setting<boolean | string>(
    archivePlace,
    { value: () => true, as: '`on`' },
    'Whether older parts of a recorded run are compressed. `s3://bucket/prefix`, `file:///folder` or the path of a folder: they are, and each run is copied there while it is active, see docs/scale.md.',
  ),
  archiveEncryption: optional<'AES256' | 'aws:kms'>(
    oneOf('AES256', 'aws:kms'),
    'How the store of the archive encrypts what it gets.',
    'as the bucket says',
  ),
  archiveKmsKey: optional(text, 'The key of `aws:kms`: its id, ARN or alias.', 'that of the account'),
  shipWait: optional(
    wait,
    'How long the end of a run waits for what is not yet sent, whether the endpoint answers or not.',
    'up to 10s, and not for an endpoint that does not answer at all',
    'ms',
  ),
  traceContext: setting<'child' | 'link' | 'ignore'>(
    oneOf('child', 'link', 'ignore'),
    { value: () => 'child', as: '`child`' },
    'What a run makes of a TRACEPARENT in its environment: it is in that trace, below the span that is named; has a trace of its own with a link to it; or ignores it.',
  ),
  metricsPort: optional(port, 'Serve `/metrics` on this port during a run; 0 takes a free one.', 'not served'),
  metricLabels: setting<readonly string[]>(
    labelKeys,
    { value: () => [], as: 'none' },
    'Labels of runs that the metrics of runs, steps and cost have too, as `label_KEY`. Each multiplies the number of series.',
  ),
  hubPort: setting(port, { value: () => 9464, as: '`9464`' }, 'The port of `stepspan serve`; 0 takes a free one.'),
  hubHost: setting(
    text,
    { value: () => '127.0.0.1', as: '`127.0.0.1`' },
    'The address that `stepspan serve` and `--metrics-port` listen on.',
  ),
  claude: setting(
    program,
    { value: () => defaultClaude, as: '`claude`' },
    'The Claude Code CLI: a name on PATH or a path.',
  ),
  priceTable: optional(
    folder,
    'A JSON file with prices by model, over the ones that are built in. docs/settings.md has its format.',
    'built in',
  ),
  concurrency: optional(
    concurrency,
    'How many steps run at once, over what the workflow says.',
    'as the workflow says',
  ),
  colour: setting<'auto' | 'always' | 'never'>(
    oneOf('auto', 'always', 'never'),
    { value: () => 'auto', as: '`auto`' },
    'Colours on the terminal. `auto` asks whether it is one, and honours NO_COLOR and FORCE_COLOR.',
  ),
  grafanaUrl: optional(url, 'The Grafana that links in summaries, on the live page and in alerts lead to.'),
  grafanaLogin: optional(
    secretText,
    'Who `doctor --stack` is for Grafana: `user:password`, or the token of a service account. Never shown.',
    'nobody',
  ),
  traceLink: optional(
    url,
    'The link to the trace of a run, with `{traceId}`, `{runId}` and `{workflow}` in it.',
    'made from `grafanaUrl`',
  ),
  logsLink: optional(
    url,
    'The link to the logs of a run, with `{traceId}`, `{runId}` and `{workflow}` in it.',
    'made from `grafanaUrl`',
  ),
  publicUrl: optional(
    url,
    'The address of the hub as people reach it, for links to the live page in alerts and on spans.',
    'the address of the hub that sends the alert',
  ),
  alertmanagerUrl: optional(
    secretUrl,
    'The Alertmanager that alerts of runs are sent to; with `user:password@` in it if it needs a login. Never shown.',
    'no alerts are sent',
  ),
  alertWebhookUrl: optional(
    secretUrl,
    'Where alerts of runs are sent when there is no Alertmanager: POST in the format of its webhook, version 4. Never shown.',
    'no alerts are sent',
  ),
  alertsFile: optional(
    folder,
    'The file in which rules are switched off and changed, see docs/alerts.md.',
    '`alerts.yaml` beside a settings file, if there',
  ),
  lokiUrl: optional(
    secretUrl,
    'The Loki that `doctor` asks for the log that it has sent, and that `export --from loki` reads.',
    'not asked',
  ),
  lokiTenant: optional(text, 'The tenant of a Loki that has several (X-Scope-OrgID).'),
  lokiHeaders: optional(headers, 'Headers of each request to Loki, as `Authorization=Bearer%20abc`. Never shown.'),
  lokiSelector: setting(
    text,
    { value: () => '{service_name="stepspan"}', as: '`{service_name="stepspan"}`' },
    'The streams of Loki that stepspan ships to, for `export --from loki`: another one with another OTEL_SERVICE_NAME.',
  ),
  tempoUrl: optional(url, 'The Tempo that `doctor` asks for the trace that it has sent.', 'not asked'),
  prometheusUrl: optional(url, 'The Prometheus that `doctor` asks for the metric of the hub.', 'not asked'),
} as const;

export type SettingName = keyof typeof settingTable;
export type Settings = {
  readonly [K in SettingName]: (typeof settingTable)[K] extends Setting<infer T> ? T : never;
};

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingTable, name);
}

export const settingNames: readonly SettingName[] = Object.keys(settingTable).filter(isSettingName);

/** The American spelling, which most tools have, works everywhere too: flag, variable and settings file. */
const otherSpellings: Readonly<Partial<Record<SettingName, string>>> = { colour: 'color' };

/** Every name of a setting, the one in the documentation first. */
export function spellingsOf(name: SettingName): readonly string[] {
  const other = otherSpellings[name];
  return other === undefined ? [name] : [name, other];
}

/** `shipWait` is `STEPSPAN_SHIP_WAIT` in the environment. */
export function variableOf(name: string): string {
  return `STEPSPAN_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `shipWait` is `--ship-wait` on the command line. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The environment in which defaults are computed and settings files are looked for. */
export function surroundings(env: NodeJS.ProcessEnv = process.env, cwd: string = process.cwd()): Surroundings {
  return { env, cwd, home: homeFolder(env) };
}
