// The settings of a run besides its workflow, and their defaults. Called by run-workflow.ts.
import type { RunId } from '../core/ids.ts';
import type { Labels } from '../core/labels.ts';
import { type Durability, dataRoot, defaultJournalOptions } from '../journal/index.ts';
import type { NotifySettings } from '../readers/notify/index.ts';
import type { GiveUp } from '../readers/ship/index.ts';
import { defaultPrices, type PriceTable, withoutOuterRun } from '../run/index.ts';
import type { TraceContextSetting } from './trace-context.ts';

export type RunSettings = {
  /** Where runs are kept. Default: `$STEPSPAN_DATA_DIR`, else the user's state folder. */
  readonly dataDir: string;
  /** The environment of the run: steps get it, the OTEL_* settings are read from it, and secrets are found in it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether secrets are replaced before anything is written. Default: true. */
  readonly redact: boolean;
  /** How often the journal is made durable. A killed process loses nothing either way; this is about power cuts. */
  readonly durability: Durability;
  /**
   * Whether closed journal segments are compressed; the address of an archive (`s3://bucket/prefix`, `file:///folder` or a path)
   * compresses them and copies the run there. Default: true.
   */
  readonly archive: boolean | string;
  /** How the store of the archive is to encrypt what it gets. Default: as the bucket says. */
  readonly archiveEncryption: 'AES256' | 'aws:kms' | undefined;
  /** The key of `aws:kms`. Default: that of the account. */
  readonly archiveKmsKey: string | undefined;
  /** Labels over those of the workflow, and over those of the run that is continued. An empty one leaves a label out. */
  readonly labels: Labels;
  /** How many steps run at once, over what the workflow says. Default: as the workflow says. */
  readonly concurrency: number | undefined;
  /** Lets this run work in a folder in which another run works. Default: false. */
  readonly shared: boolean;
  /** `auto` ships if an OTLP endpoint is set (OTEL_EXPORTER_OTLP_ENDPOINT and similar variables), `off` never. */
  readonly ship: 'auto' | 'off';
  /**
   * How long the end of the run waits for what is not yet sent, in milliseconds. Default: 10,000, and no longer than it takes to
   * find out that an endpoint does not answer at all.
   */
  readonly shipWaitMs: number | undefined;
  /** Where alerts of the run go, while no hub sends them. Default: none are sent. `shipWaitMs` bounds their end too. */
  readonly notify: NotifySettings | undefined;
  /** Whether other processes of this user may pause, resume and cancel the run. Default: true. */
  readonly control: boolean;
  /** The address of the hub as people reach it, for links to the live page. Default: that of a hub on this machine. */
  readonly publicUrl: string | undefined;
  /**
   * What the run makes of a TRACEPARENT in `env`: it is a child of that span, has a trace of its own with a link to it, or
   * ignores it. Default: child.
   */
  readonly traceContext: TraceContextSetting;
  /** Keys of labels of the run that its metrics have too, if it sends them itself (OTEL_METRICS_EXPORTER). Default: none. */
  readonly metricLabels: readonly string[] | undefined;
  /** The id of the run, if the caller must know it before the start. Default: a new one. */
  readonly runId: RunId | undefined;
  /**
   * Called after the last check, before the first record of the run is written. A process that ends after that has to cancel the run
   * first. Default: none.
   */
  readonly onBegin: (() => void) | undefined;
  /** Who named the Claude Code program that `env.STEPSPAN_CLAUDE` holds, for messages. Default: that variable. */
  readonly claudeSetBy: string;
  /** Prices by model, for estimates until Claude Code reports what a call cost. */
  readonly prices: PriceTable;
};

/** Long enough for a healthy backend to take the last batch, short enough for a dead one not to hold up a CI job. */
export const defaultShipWaitMs = 10_000;

/** How long the end of a run waits for what is not yet sent, and whether it gives up an endpoint that never answers. */
export type EndWait = { readonly ms: number; readonly giveUp: GiveUp };

/** A wait that was asked for is kept in full: the backend might be about to come back. */
export function endWaitOf({ shipWaitMs }: Pick<RunSettings, 'shipWaitMs'>): EndWait {
  return shipWaitMs === undefined
    ? { ms: defaultShipWaitMs, giveUp: 'unreachable' }
    : { ms: shipWaitMs, giveUp: 'never' };
}

export function settingsOf(given: Partial<RunSettings>): RunSettings {
  const env = withoutOuterRun(given.env ?? process.env);
  return {
    dataDir: given.dataDir ?? dataRoot(env),
    redact: true,
    durability: defaultJournalOptions.durability,
    archive: true,
    archiveEncryption: undefined,
    archiveKmsKey: undefined,
    labels: {},
    concurrency: undefined,
    shared: false,
    ship: 'auto',
    shipWaitMs: undefined,
    notify: undefined,
    control: true,
    publicUrl: undefined,
    traceContext: 'child',
    metricLabels: undefined,
    runId: undefined,
    onBegin: undefined,
    claudeSetBy: 'STEPSPAN_CLAUDE',
    prices: defaultPrices,
    ...given,
    env,
  };
}
