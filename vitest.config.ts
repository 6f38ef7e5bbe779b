// Four suites: `main` is what `npm test` runs, `browser` needs Chromium, `stack` the real backends, `package` the packed
// tarball.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { nodeProblem, runNode } from './scripts/node-version.mjs';

const problem = nodeProblem(process.versions.node, runNode, 'The tests of stepspan need');
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}

/**
 * Files that take the longest, longest first: else the last of them runs by itself at the end, while other cores are idle.
 * Vitest sorts the others by their size.
 */
const longest = [
  'test/package/package.test.ts',
  'test/run/continue-session.test.ts',
  'test/run/ask.test.ts',
  'test/run/metered.test.ts',
  'test/claude/versions.test.ts',
  'test/run/claude-findings.test.ts',
  'test/run/preflight.test.ts',
  'test/run/suspended.test.ts',
  'test/run/rate-limit.test.ts',
  'test/browser/look.test.ts',
  'test/browser/seen.test.ts',
  'test/stack/alerting-rules.test.ts',
  'test/stack/metrics.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((file) => moduleId.endsWith(file));
      return at === -1 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** What `expect.poll` waits at most: less than a test does, so that it reports what it waited for. */
const patience = { timeout: 150_000 };

export default defineConfig({
  test: {
    // The counts come before what failed, which is to be at the end.
    sequence: { sequencer: LongestFirst },
    reporters: ['./scripts/test-report.ts', 'default'],
    projects: [
      {
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/support/built-program.ts'],
          exclude: ['test/stack/**', 'test/package/**', 'test/browser/**', '**/node_modules/**'],
          // Only a hang ends a test: at a load of 20 the longest took 40 s.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: { poll: patience },
          // Half of the time goes into waiting for real processes. Vitest's own default is a core less than there are: one.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // As many as of `main`, beside which it runs: its one file takes as long as all of them.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/browser/build-page.ts', 'test/support/built-program.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: { poll: patience },
          // Each file has a Chromium and a hub of its own; two cores carry two such pairs.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'stack',
          include: ['test/stack/**/*.test.ts'],
          globalSetup: ['test/support/built-program.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each file starts its own Collector, Loki and Prometheus, and mostly waits for them: two cores carry two such sets.
          maxWorkers: 2,
        },
      },
    ],
  },
});
