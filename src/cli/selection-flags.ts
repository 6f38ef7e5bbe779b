// The flags of `tail`, `export` and `search` that choose lines, and how they become a selection.
import { type Command, Option } from 'commander';
import {
  nsOfText,
  type Place,
  parseRegex,
  parseSearch,
  type RunState,
  type Search,
  type Selection,
} from '../runs/index.ts';
import { type Severity, type Stream, severities, streams } from '../text/stream.ts';
import { didYouMean } from '../workflow/suggest.ts';

export type SelectionFlags = {
  readonly step?: readonly string[] | undefined;
  readonly stream?: readonly Stream[] | undefined;
  readonly severity?: readonly Severity[] | undefined;
  readonly from?: string | undefined;
  readonly since?: string | undefined;
  readonly to?: string | undefined;
  readonly grep?: string;
  readonly search?: string;
  readonly events?: boolean;
};

export type ParsedSelection =
  | { readonly ok: true; readonly selection: Selection }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Adds the flags that the commands about one run have.
 * @param fromMeans what `--from` takes besides a place
 */
export function addSelectionFlags(command: Command, fromMeans = ''): Command {
  return addLineFlags(command)
    .option(
      `--from <${fromMeans}seq|time>`,
      'start at a sequence number, at a time (RFC 3339) or this long ago (15m, 2h, 1d)',
    )
    .option('--since <seq|time>', 'the same as --from')
    .option('--events', 'show events too, not only lines');
}

/** The flags that make sense for any number of runs. */
export function addLineFlags(command: Command): Command {
  return command
    .option('--step <id...>', 'only lines of these steps')
    .addOption(new Option('--stream <name...>', 'only lines of these streams').choices([...streams]))
    .addOption(new Option('--severity <level...>', 'only lines of these severities').choices([...severities]));
}

/**
 * @param state of the run, to distinguish an unknown step from one that printed nothing; undefined if it is not known
 * @param defaultStreams those that are chosen without `--stream`; undefined for all
 */
export function selectionOf(
  flags: SelectionFlags,
  state: RunState | undefined,
  nowMs: number,
  defaultStreams: readonly Stream[] | undefined,
): ParsedSelection {
  const problems: string[] = [];
  const ids = state?.steps.map((step) => step.id);
  for (const step of flags.step ?? []) {
    if (ids !== undefined && !ids.includes(step))
      problems.push(`--step: this run has no step \`${step}\`; ${didYouMean(step, ids, 'its steps are')}`);
  }
  const place = (flag: '--from' | '--since' | '--to', text: string | undefined): Place | undefined => {
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text)) return { kind: 'seq', seq: Number(text) };
    const ns = nsOfText(text, nowMs);
    if (ns !== undefined) return { kind: 'time', ns };
    problems.push(
      `${flag}: "${text}" is neither a sequence number nor a time; write for example 1200, 2026-11-23T15:04:05Z or 15m`,
    );
    return undefined;
  };
  const search = (): Search | undefined => {
    if (flags.grep === undefined && flags.search === undefined) return undefined;
    const parsed = flags.grep === undefined ? parseSearch(flags.search ?? '') : parseRegex(flags.grep);
    if (parsed.ok) return parsed.search;
    problems.push(`${flags.grep === undefined ? '--search' : '--grep'}: ${parsed.message}`);
    return undefined;
  };
  const selection: Selection = {
    steps: flags.step,
    streams: flags.stream ?? defaultStreams,
    severities: flags.severity,
    from: flags.since === undefined ? place('--from', flags.from) : place('--since', flags.since),
    to: place('--to', flags.to),
    search: search(),
    events: flags.events === true,
  };
  return problems.length > 0 ? { ok: false, problems } : { ok: true, selection };
}
