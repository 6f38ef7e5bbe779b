// From what was asked for on the command line to the live side of a server: tokens, folders of workflows, how to start runs.
import type { DataFolder, JournalReader } from '../journal/index.ts';
import { type AlertSettings, defaultAlerts } from '../runs/alerts/index.ts';
import { type Catalogue, createCatalogue } from '../runs/catalogue.ts';
import { loadTokens } from './access/token-file.ts';
import type { HttpOptions } from './http-server.ts';
import type { LiveOptions } from './live.ts';
import { openWorkflowFolders } from './workflow-folders.ts';

export type LiveSettings = Pick<LiveOptions, 'linksOf' | 'toOtlp'> & {
  /** What alerts.yaml says. Its defaults if it is left out. */
  readonly alerts?: AlertSettings | undefined;
  /** Folders whose workflows may be started. */
  readonly workflows: readonly string[];
  /** Program and first arguments of `stepspan`, to start runs with; undefined if none can be started. */
  readonly command: readonly [string, ...string[]] | undefined;
};

export type LiveResult =
  | { readonly ok: true; readonly live: HttpOptions['live'] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** @param settings undefined for a server of metrics alone */
export function openLive(
  settings: LiveSettings | undefined,
  around: {
    readonly data: DataFolder;
    readonly env: NodeJS.ProcessEnv;
    readonly version: string;
    /** Shared with the hub's supervisor; the server of one run makes its own. */
    readonly catalogue?: Catalogue;
    /** The run of this very process, if it has one. */
    readonly ownRun?: JournalReader;
  },
): LiveResult {
  if (settings === undefined) return { ok: true, live: undefined };
  const { data, env } = around;
  const folders = openWorkflowFolders(settings.workflows);
  if (!folders.ok) return folders;
  const loaded = loadTokens(data);
  if (!loaded.ok) return { ok: false, problems: [loaded.message] };
  const { command, linksOf, toOtlp } = settings;
  return {
    ok: true,
    live: {
      tokens: loaded.tokens,
      data,
      version: around.version,
      catalogue: around.catalogue ?? catalogueWithAlerts(data, settings.alerts),
      ownRun: around.ownRun,
      folders: folders.folders,
      starter: command === undefined ? undefined : { data, command, env },
      linksOf,
      toOtlp,
    },
  };
}

/** The catalogue of a server: with the alerts that fire, by what alerts.yaml says. */
export function catalogueWithAlerts(data: DataFolder, alerts: AlertSettings = defaultAlerts()): Catalogue {
  return createCatalogue({ data, alerts });
}
