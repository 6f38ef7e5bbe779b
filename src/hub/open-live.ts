// From what was asked for on the command line to the live side of a server: tokens, folders of workflows, how to start runs.
import type { DataFolder, JournalReader } from '../journal/index.ts';
import { loadTokens } from './access/token-file.ts';
import type { HttpOptions } from './http-server.ts';
import type { LiveOptions } from './live.ts';
import { openWorkflowFolders } from './workflow-folders.ts';

export type LiveSettings = Pick<LiveOptions, 'alerts' | 'linksOf' | 'toOtlp'> & {
  /** Folders whose workflows may be started. */
  readonly workflows: readonly string[];
  /** Program and first arguments of `stepspan`, to start runs with; undefined where none can be started. */
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
  const { alerts, command, linksOf, toOtlp } = settings;
  return {
    ok: true,
    live: {
      tokens: loaded.tokens,
      data,
      alerts,
      version: around.version,
      ownRun: around.ownRun,
      folders: folders.folders,
      starter: command === undefined ? undefined : { data, command, env },
      linksOf,
      toOtlp,
    },
  };
}
