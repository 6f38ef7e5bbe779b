// The release script in a small repository of its own: what it refuses, what a dry run shows without changing anything, and what
// a release leaves behind.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from './tracked.ts';

const changelog =
  '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A feature.\n\n## [0.1.0] - 2026-01-01\n\n- The first.\n';

function repository(text = changelog) {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-release-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
  git('init', '--quiet');
  git('config', 'user.name', 'test');
  git('config', 'user.email', 'test@example.com');
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'sample', version: '0.1.0' }));
  writeFileSync(path.join(folder, 'CHANGELOG.md'), text);
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Begin');
  const release = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(root, 'scripts/release.mjs'), '--root', folder, ...args], {
      encoding: 'utf8',
    });
  return { folder, git, release, read: (file: string) => readFileSync(path.join(folder, file), 'utf8') };
}

test('a dry run shows the notes and the package, and changes nothing', () => {
  const { git, release, read } = repository();
  const { status, stdout } = release('0.2.0', '--dry-run');
  expect(status).toBe(0);
  expect(stdout).toContain('### Added\n\n- A feature.');
  expect(stdout).not.toContain('The first');
  expect(stdout).toMatch(/sample-0\.1\.0\.tgz: 2 files/);
  expect([git('status', '--porcelain'), git('tag'), read('CHANGELOG.md')]).toEqual(['', '', changelog]);
});

test('a release moves the notes below its version, commits, tags and packs', () => {
  const { folder, git, release, read } = repository();
  expect(release('0.2.0')).toMatchObject({ status: 0 });
  expect(JSON.parse(read('package.json'))).toMatchObject({ version: '0.2.0' });
  expect(read('CHANGELOG.md')).toMatch(/^## \[Unreleased\]\n\n## \[0\.2\.0\] - \d{4}-\d\d-\d\d\n\n### Added$/m);
  expect(git('log', '-1', '--format=%s')).toBe('Release 0.2.0');
  expect(git('tag', '--list', '--format=%(contents)', 'v0.2.0')).toContain('A feature.');
  expect(existsSync(path.join(folder, 'sample-0.2.0.tgz'))).toBe(true);
});

test('what cannot be released is refused with a sentence', () => {
  const { folder, release } = repository();
  expect(release('next')).toMatchObject({ status: 1, stderr: expect.stringContaining('"next" is not a version') });
  expect(release('0.1.0')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('0.1.0 is not newer than 0.1.0'),
  });
  writeFileSync(path.join(folder, 'more'), '');
  expect(release('0.2.0')).toMatchObject({ status: 1, stderr: expect.stringContaining('the clone has changes') });
  expect(repository('# Changelog\n\n## [Unreleased]\n').release('0.2.0')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('nothing under Unreleased'),
  });
});
