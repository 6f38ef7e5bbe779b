// `npm run release -- VERSION [--dry-run] [--publish]`: turns what CHANGELOG.md has under Unreleased into a release. Checks first
// and changes nothing before all checks have passed: the clone is clean, the version is newer, there is something to release.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const usage = 'usage: npm run release -- VERSION [--dry-run] [--publish]';

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean' }, publish: { type: 'boolean' }, root: { type: 'string' } },
  });
  const [version = ''] = positionals;
  if (!/^\d+\.\d+\.\d+$/.test(version)) return fail(`"${version}" is not a version such as 0.2.0; ${usage}`);
  const root = path.resolve(values.root ?? path.join(import.meta.dirname, '..'));
  const read = (file) => readFileSync(path.join(root, file), 'utf8');
  const run = (program, ...args) =>
    execFileSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

  const current = JSON.parse(read('package.json')).version;
  if (!isNewer(version, current)) return fail(`${version} is not newer than ${current}, the version of package.json`);
  if (run('git', 'tag', '--list', `v${version}`).trim() !== '') return fail(`the tag v${version} already exists`);
  if (run('git', 'status', '--porcelain').trim() !== '') return fail('the clone has changes; commit or remove them');
  const changelog = read('CHANGELOG.md');
  const notes = unreleased(changelog);
  if (notes === '') return fail('CHANGELOG.md has nothing under Unreleased');
  console.log(`stepspan ${current} to ${version}\n\n${notes}\n`);

  if (values['dry-run']) {
    console.log(packed(run));
    console.log(`nothing was changed; without --dry-run: commit "Release ${version}", tag v${version}, npm pack`);
    return 0;
  }
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(
    path.join(root, 'CHANGELOG.md'),
    changelog.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${today}\n`),
  );
  run('npm', 'version', version, '--no-git-tag-version', '--allow-same-version');
  run('git', 'commit', '--all', '--quiet', '--message', `Release ${version}`);
  run('git', 'tag', '--annotate', `v${version}`, '--message', notes);
  run('npm', ...(values.publish ? ['publish', '--provenance', '--access', 'public'] : ['pack']));
  console.log(`released ${version}; push it with: git push --follow-tags`);
  return 0;
}

/** What is written between the headings of Unreleased and of the release before it. */
function unreleased(changelog) {
  const [, rest = ''] = changelog.split('## [Unreleased]\n');
  return rest.split(/^## \[/m)[0].trim();
}

function packed(run) {
  const [{ files, size, filename }] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts'));
  return `${filename}: ${files.length} files, ${Math.ceil(size / 1024)} KiB`;
}

function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && a[at] > b[at];
}

function fail(why) {
  console.error(why);
  return 1;
}

process.exitCode = main();
