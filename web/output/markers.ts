// What lines say about groups of lines: the commands of CI systems that begin and end one, and the frames of stack traces. Pure.
// Called by folds.ts.

export type Marker =
  | { readonly kind: 'begin'; readonly title: string; readonly name: string; readonly isClosedAtFirst: boolean }
  /** Without a name it ends the group that began last. */
  | { readonly kind: 'end'; readonly name: string }
  /** Begins a group, and ends the one that began like this. */
  | { readonly kind: 'section'; readonly title: string }
  /** What follows it, indented, is a stack trace whose innermost frame is the last one. */
  | { readonly kind: 'traceback' }
  | { readonly kind: 'frame' }
  | { readonly kind: 'indented' };

type Rule = { readonly pattern: RegExp; readonly marker: (found: RegExpExecArray) => Marker };

const begin = (title = '', name = '', isClosedAtFirst = true): Marker => ({
  ...{ kind: 'begin', name, isClosedAtFirst },
  title: title.trim(),
});

/** GitHub and Azure, GitLab, TeamCity, and at last Buildkite, whose heads other programs print as well. */
const rules: readonly Rule[] = [
  { pattern: /^(?:::group::|##\[group\])(.*)$/, marker: ([, title]) => begin(title) },
  { pattern: /^(?:::endgroup::|##\[endgroup\])/, marker: () => ({ kind: 'end', name: '' }) },
  {
    pattern: /^(?:\x1b\[0K)?section_start:\d+:([\w.-]+)(\[[^\]]*\])?\r\x1b\[0K(.*)$/,
    marker: ([, name, options = '', title]) => begin(title || name, name, options.includes('collapsed=true')),
  },
  {
    pattern: /^(?:\x1b\[0K)?section_end:\d+:([\w.-]+)\r\x1b\[0K$/,
    marker: ([, name = '']) => ({ kind: 'end', name }),
  },
  {
    pattern: /^##teamcity\[blockOpened\b.*?\bname='((?:\|.|[^'|])*)'/,
    marker: ([, name = '']) => begin(teamCityText(name), name),
  },
  {
    pattern: /^##teamcity\[blockClosed\b.*?\bname='((?:\|.|[^'|])*)'/,
    marker: ([, name = '']) => ({ kind: 'end', name }),
  },
  // Not the heads of a diff, and not the results of `go test`.
  {
    pattern: /^(?:---|\+\+\+|~~~) (?![ab]\/|\/dev\/null|(?:FAIL|PASS|SKIP|BENCH): )(\S.*)$/,
    marker: ([, title = '']) => ({ kind: 'section', title }),
  },
  { pattern: /^\s*Traceback \(most recent call last\):\s*$/, marker: () => ({ kind: 'traceback' }) },
  { pattern: /^\s+(?:at \S|\.\.\. \d+ (?:more|common frames))/, marker: () => ({ kind: 'frame' }) },
  { pattern: /^\s+\S/, marker: () => ({ kind: 'indented' }) },
];

/** What a marker begins with; other lines are not looked at further. */
const mayBeMarker = /^[\s:#\x1bs+~T-]/;

export function markerOf(text: string): Marker | undefined {
  if (!mayBeMarker.test(text)) return undefined;
  for (const { pattern, marker } of rules) {
    const found = pattern.exec(text);
    if (found !== null) return marker(found);
  }
  return undefined;
}

/** In the values of TeamCity a bar is before what has a meaning there. */
function teamCityText(text: string): string {
  return text.replace(/\|(.)/g, '$1');
}
