// Links of the documentation: each relative link leads to an existing file and heading, in the clone and, if the page is in
// the package, in the package too. Nothing is fetched.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));

const withoutCode = (text: string): string => text.replace(/^```[^\n]*\n[\s\S]*?^```/gm, '');

/** The anchor of a heading on GitHub: letters, digits, `_` and `-` stay, in lower case; blanks become `-`. */
function anchorOf(heading: string): string {
  const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
  return shown
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsOf(page: string): ReadonlySet<string> {
  return new Set([...withoutCode(read(page)).matchAll(/^#{1,6}\s+(.+)$/gm)].map((match) => anchorOf(match[1] ?? '')));
}

type Link = { readonly page: string; readonly link: string; readonly target: string; readonly anchor: string };

const links: readonly Link[] = pages.flatMap((page) =>
  [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file = '', anchor = ''] = link.split('#');
      const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
      return { page, link, target, anchor };
    }),
);

test('relative links lead to files that exist', () => {
  expect(links.length).toBeGreaterThan(80);
  const broken = links.filter(({ target }) => !existsSync(path.join(root, target)));
  expect(broken.map(({ page, link }) => `${page}: ${link}`)).toEqual([]);
});

test('links to a place in a page lead to a heading of it', () => {
  const placed = links.filter(({ target, anchor }) => anchor !== '' && target.endsWith('.md'));
  expect(placed.length).toBeGreaterThan(20);
  const broken = placed.filter(({ target, anchor }) => !anchorsOf(target).has(anchor));
  expect(broken.map(({ page, link }) => `${page}: ${link}`)).toEqual([]);
});

test('pages of the package link to what is in the package', () => {
  const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };
  const packed = (file: string): boolean =>
    file === 'package.json' ||
    files.some((each) => file === each || file.startsWith(`${each}/`) || each.startsWith(`${file}/`));
  // What is about a clone: the small project of `npm run demo`, which is a script of the clone.
  const ofClone = /^demo\//;
  const broken = links.filter(({ page, target }) => packed(page) && !packed(target) && !ofClone.test(target));
  expect(broken.map(({ page, link }) => `${page}: ${link}`)).toEqual([]);
});

test('every page of docs is in the table of README.md', () => {
  const linked = new Set(links.filter(({ page }) => page === 'README.md').map(({ target }) => target));
  expect(pages.filter((page) => page.startsWith('docs/') && !linked.has(page))).toEqual([]);
});
