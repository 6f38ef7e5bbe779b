// README.md holds: its workflow is valid, its links and commands name what there is.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { formatProblems, parseWorkflow } from '../../src/library/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

test('the workflow in README.md is valid', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const result = parseWorkflow(text, { file: 'review.yaml' });
  expect(result.ok ? result.workflow.steps.map((step) => step.id) : formatProblems(result.problems)).toEqual([
    'changes',
    'test',
    'review',
    'fix',
  ]);
});

test('the links in README.md lead to files of the repo', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] ?? '');
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((link) => !existsSync(path.join(root, link)))).toEqual([]);
});

test('the commands in README.md are commands, and the npm scripts scripts', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const asked = [...readme.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1] ?? '');
  expect(asked.filter((name) => scripts[name] === undefined)).toEqual([]);
  const reference = readFileSync(path.join(root, 'docs', 'cli.md'), 'utf8');
  const commands = [...readme.matchAll(/npx stepspan (\w+)/g)].map((match) => match[1] ?? '');
  expect(commands.length).toBeGreaterThan(8);
  expect(commands.filter((name) => !new RegExp(`stepspan ${name}\\b`).test(reference))).toEqual([]);
});
