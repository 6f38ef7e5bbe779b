// Every way in which a workflow file can be wrong: each file of bad/ holds cases as `=== title`, the YAML text, `---8<---`
// and all that a person is shown, to the last character.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatProblems, formatWarnings, parseWorkflow } from '../../src/workflow/index.ts';

const folder = join(import.meta.dirname, 'bad');

type Case = { readonly title: string; readonly text: string; readonly expected: string };

function casesOf(file: string): readonly Case[] {
  const sections = readFileSync(join(folder, file), 'utf8').split(/^=== /m).slice(1);
  return sections.map((section) => {
    const titleEnd = section.indexOf('\n');
    const [text = '', expected = ''] = section.slice(titleEnd + 1).split('---8<---\n');
    return { title: section.slice(0, titleEnd), text, expected: `${expected.trimEnd()}\n` };
  });
}

/** What was given on the command line, for cases that say so in their first line. */
function paramsOf(text: string): Readonly<Record<string, string>> | undefined {
  const line = /^# given: (.*)$/m.exec(text)?.[1];
  return line === undefined ? undefined : (JSON.parse(line) as Record<string, string>);
}

for (const file of readdirSync(folder)) {
  describe(file.replace('.txt', ''), () => {
    test.each(casesOf(file))('$title', ({ text, expected }) => {
      const params = paramsOf(text);
      const result = parseWorkflow(text, { file: 'wf.yaml', ...(params === undefined ? {} : { params }) });
      expect(result.ok ? formatWarnings(result.warnings) || 'no problem\n' : formatProblems(result.problems)).toBe(
        expected,
      );
    });
  });
}
