// The exceptions from the house rules. exceptions.json has those that are to go away: its numbers may only get smaller.
// reasons.json has those that stay, each with its reason. `npm run house` lowers exceptions.json to what is left.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Counts, countByFile, findViolations } from './counts.ts';
import { read, root } from './tracked.ts';

/** File, then rule, then how often the rule may be broken there and why. */
export type Reasons = Readonly<
  Record<string, Readonly<Record<string, { readonly count: number; readonly why: string }>>>
>;

export const exceptions = JSON.parse(read('test/house/exceptions.json')) as Counts;
export const reasons = JSON.parse(read('test/house/reasons.json')) as Reasons;

/** How many of the violations have no reason, for each file and rule. */
export function withoutReason(counts: Counts): Counts {
  const left = Object.entries(counts).map(([file, rules]) => {
    const open = Object.entries(rules).map(
      ([rule, count]) => [rule, count - (reasons[file]?.[rule]?.count ?? 0)] as const,
    );
    return [file, Object.fromEntries(open.filter(([, count]) => count > 0))] as const;
  });
  return Object.fromEntries(left.filter(([, rules]) => Object.keys(rules).length > 0));
}

/** One line per file, so that two people who work on different files do not get into each other's way. */
export function formatExceptions(counts: Counts): string {
  const lines = Object.entries(counts).map(([file, rules]) => {
    const each = Object.entries(rules).map(([rule, count]) => `${JSON.stringify(rule)}: ${count}`);
    return `  ${JSON.stringify(file)}: { ${each.join(', ')} }`;
  });
  return lines.length === 0 ? '{}\n' : `{\n${lines.join(',\n')}\n}\n`;
}

/** New path to old path of each file that was moved since this branch left main, as far as git knows (`git add`). */
function movedFiles(): ReadonlyMap<string, string> {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' });
  const base = git('merge-base', 'main', 'HEAD').trim();
  const renames = git('diff', '--find-renames', '--diff-filter=R', '--name-status', base).matchAll(
    /^R\d+\t(.*)\t(.*)$/gm,
  );
  return new Map([...renames].map(([, before = '', after = '']) => [after, before]));
}

/** What is left of the exceptions: never more than was allowed, so that running this hides nothing new. */
function lowered(counts: Counts): Counts {
  const moved = movedFiles();
  const files = Object.entries(withoutReason(counts)).map(([file, rules]) => {
    const allowed = Object.entries(rules).map(
      ([rule, count]) =>
        [rule, Math.min(count, exceptions[file]?.[rule] ?? exceptions[moved.get(file) ?? '']?.[rule] ?? 0)] as const,
    );
    return [file, Object.fromEntries(allowed.filter(([, count]) => count > 0))] as const;
  });
  return Object.fromEntries(files.filter(([, rules]) => Object.keys(rules).length > 0));
}

if (import.meta.main) {
  const violations = findViolations();
  const counts = countByFile(violations);
  const all = process.argv.includes('--all') ? withoutReason(counts) : lowered(counts);
  writeFileSync(path.join(root, 'test/house/exceptions.json'), formatExceptions(all));
  const sums = new Map<string, number>();
  for (const { rule } of violations) sums.set(rule, (sums.get(rule) ?? 0) + 1);
  for (const [rule, sum] of sums) console.log(`${String(sum).padStart(5)}  ${rule}`);
  for (const wanted of process.argv.slice(2).filter((argument) => !argument.startsWith('--'))) {
    for (const { file, where } of violations) if (file.startsWith(wanted)) console.log(where);
  }
}
