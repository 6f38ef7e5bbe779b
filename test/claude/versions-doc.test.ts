// docs/claude-versions.md says what the code does and what was tried.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  authStatusSince,
  claudeFlagTable,
  minimumClaudeVersion,
  permissionModesSince,
} from '../../src/run/claude/versions.ts';
import { escapeRegExp } from '../../src/text/regexp.ts';
import { triedVersions } from '../support/claude-versions.ts';

const docs = readFileSync(path.resolve(import.meta.dirname, '../../docs/claude-versions.md'), 'utf8');
const rows = docs.split('\n').filter((line) => line.startsWith('|'));

describe('docs/claude-versions.md', () => {
  test('names the minimum and the version that can be asked for the login', () => {
    expect(docs).toContain(`need Claude Code **${minimumClaudeVersion}** or newer`);
    expect(docs).toContain(`from ${authStatusSince} on`);
  });

  test('has each flag with its first version, its key and what happens without it', () => {
    for (const { flag, since, key } of claudeFlagTable) {
      const what = key === '' ? 'not passed' : 'the run is refused';
      expect(rows).toContain(`| \`${flag}\` | ${since} |${key === '' ? '' : ` \`${key}\``} | ${what} |`);
    }
  });

  test('has each permission mode that came later', () => {
    for (const [mode, since] of Object.entries(permissionModesSince)) {
      expect(docs).toMatch(new RegExp(`\`${mode}\`(?: is there)? from ${since.replaceAll('.', '\\.')}`));
    }
  });

  test('has each version that is tried, with what it sends', () => {
    for (const { version, spans, modelUsage, everyTime } of triedVersions) {
      const name = everyTime ? `**${version}**` : version;
      const row = rows.find((line) => new RegExp(`[| ]${escapeRegExp(name)}[, ]`).test(line));
      expect(row, version).toContain(`| ${spans} | ${modelUsage ? 'by model' : 'the total only'} |`);
    }
  });
});
