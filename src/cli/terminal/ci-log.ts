// The log of a CI job: groups that fold, problems that the system shows beside the code, and lines that the system cannot take for its own
// commands. Pure. Used by the plain view and by `show`.

/** How one CI system reads a log. */
export type CiLog = {
  /**
   * A line as it may be printed: what the system would take for a command is changed by a space, so that it is seen and not obeyed.
   * What a step prints comes from tools, web pages and models.
   */
  readonly inert: (line: string) => string;
  /** Begins a group, which ends the one before. @param startedMs Unix milliseconds */
  readonly open: (title: string, startedMs: number) => string;
  /** Ends the group; undefined if only the next group does. */
  readonly close: (endedMs: number) => string | undefined;
  /** Before the summary of a run, where a group would swallow it. */
  readonly headline?: (title: string) => string;
  /** A problem that the system shows apart from the log. */
  readonly problem?: (problem: Problem) => string;
};

export type Problem = {
  readonly title: string;
  readonly message: string;
  /** Where in the code, if a line of output says it. */
  readonly place: Place | undefined;
};

/** @property column from 1; undefined if not known */
export type Place = { readonly file: string; readonly line: number; readonly column: number | undefined };

type Env = Readonly<Record<string, string | undefined>>;

/** Undefined outside of a system that reads its log. */
export function ciLogIn(env: Env): CiLog | undefined {
  // Gitea and Forgejo set this variable too, and read the same commands.
  if (env.GITHUB_ACTIONS === 'true') return github;
  if (env.GITLAB_CI === 'true') return gitlabLog();
  if (env.BUILDKITE === 'true') return buildkite;
  if (env.TF_BUILD === 'True') return azure;
  if (env.TEAMCITY_VERSION) return teamcityLog();
  return undefined;
}

/** Outside of a CI system nothing in a line is a command. */
export const asItIs = (line: string): string => line;

export function inertIn(env: Env): CiLog['inert'] {
  return ciLogIn(env)?.inert ?? asItIs;
}

/** Both forms are commands: `::name::` behind any white space, and `##[name]` anywhere in a line. */
const github: CiLog = {
  inert: (line) => line.replace(/##\[/g, '# #[').replace(/^(\s*:):/, '$1 :'),
  open: (title) => `::group::${commandText(title)}`,
  close: () => '::endgroup::',
  problem({ title, message, place }) {
    const at = place === undefined ? [] : [`file=${property(place.file)}`, `line=${place.line}`];
    const column = place?.column === undefined ? [] : [`col=${place.column}`];
    return `::error ${[...at, ...column, `title=${property(title)}`].join(',')}::${commandText(message)}`;
  },
};

/** Its agent looks for both prefixes anywhere in a line. */
const azure: CiLog = {
  inert: (line) => line.replace(/##(?=\[|vso\[)/g, '# #'),
  open: (title) => `##[group]${title}`,
  close: () => '##[endgroup]',
  problem({ title, message, place }) {
    const at = place === undefined ? [] : [`sourcepath=${azureProperty(place.file)}`, `linenumber=${place.line}`];
    const column = place?.column === undefined ? [] : [`columnnumber=${place.column}`];
    const fields = ['type=error', ...at, ...column].join(';');
    return `##vso[task.logissue ${fields}]${commandText(`${title}: ${message}`, azurePercent)}`;
  },
};

/** A line that begins like this starts a group; each group ends where the next one starts. */
const buildkite: CiLog = {
  inert: (line) => line.replace(/^(?:---|\+\+\+|~~~|\^\^\^)(?= )/, ' $&'),
  open: (title) => `--- ${title}`,
  close: () => undefined,
  headline: (title) => `+++ ${title}`,
};

/** Sections have a name, which is used once. Nothing in a line without control characters is a command. */
function gitlabLog(): CiLog {
  let section = 0;
  const marker = (what: 'start' | 'end', ms: number): string =>
    `\x1b[0Ksection_${what}:${Math.floor(ms / 1000)}:stepspan_${section}\r\x1b[0K`;
  return {
    inert: asItIs,
    open(title, startedMs) {
      section += 1;
      return marker('start', startedMs) + title;
    },
    close: (endedMs) => marker('end', endedMs),
  };
}

/** The end of a block names the block again. */
function teamcityLog(): CiLog {
  let name = '';
  return {
    inert: (line) => line.replace(/##(?=teamcity\[)/g, '# #'),
    open(title) {
      name = title.replace(/[|'[\]]/g, '|$&');
      return `##teamcity[blockOpened name='${name}']`;
    },
    close: () => `##teamcity[blockClosed name='${name}']`,
  };
}

/** A percent sign begins an escape, and a line end the next command. */
function commandText(text: string, percent = '%25'): string {
  return text.replaceAll('%', percent).replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return commandText(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** As its own tasks write it. */
const azurePercent = '%AZP25';

function azureProperty(text: string): string {
  return commandText(text, azurePercent).replaceAll(';', '%3B').replaceAll(']', '%5D');
}

/** `src/cart.ts:12:5` as compilers, linters and test programs print it, also within brackets. */
const placePattern = /(?:^|[\s('"[])((?:[\w@.-]*\/)*[\w@.-]+\.\w+)[:(](\d+)(?:[:,](\d+))?/g;

/** The first place in the lines whose file exists. @param isFile whether the repository has it */
export function placeIn(lines: readonly string[], isFile: (file: string) => boolean): Place | undefined {
  for (const line of lines) {
    for (const [, file = '', at = '', column] of line.matchAll(placePattern)) {
      const isOwn = !file.includes('node_modules/') && isFile(file);
      if (isOwn) return { file, line: Number(at), column: column === undefined ? undefined : Number(column) };
    }
  }
  return undefined;
}
