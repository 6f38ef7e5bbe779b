// A reporter of Vitest: after the tests it names each one that was skipped, with the reason, and each that passed only
// after a retry. If STEPSPAN_TEST_REPORTS names a folder it also writes its counts there as JSON, and
// `node scripts/test-report.ts FOLDER` adds up such files, which is how .ci/run gets its totals.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

type TestReport = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly retried: readonly string[];
};

const noReason = 'no reason was given';

function skipReason(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  for (let task: TestCase | TestCase['parent'] = test; task.type !== 'module'; task = task.parent) {
    const { skipped } = task.meta();
    if (skipped !== undefined) return skipped;
  }
  return noReason;
}

function reportOf(modules: readonly TestModule[]): TestReport {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string): readonly TestCase[] => tests.filter((test) => test.result().state === state);
  // A file that does not load has no tests, and has failed as one.
  const unloaded = modules.filter((module) => module.state() === 'failed' && module.errors().length > 0);
  return {
    passed: inState('passed').length,
    failed: inState('failed').length + unloaded.length,
    skipped: inState('skipped').map((test) => ({ name: fullName(test), reason: skipReason(test) })),
    retried: tests
      .filter((test) => test.diagnostic()?.flaky === true)
      .map((test) => `${fullName(test)}: ${firstErrorOf(test)}`),
  };
}

/** Why the first try failed. */
const firstErrorOf = (test: TestCase): string =>
  test.result().errors?.[0]?.message.split('\n').slice(0, 3).join(' ') ?? 'no error was kept';

const fullName = (test: TestCase): string => `${test.module.relativeModuleId}: ${test.fullName}`;

function describeReport({ skipped, retried }: TestReport): readonly string[] {
  const byReason = Map.groupBy(skipped, ({ reason }) => reason);
  return [
    ...[...byReason].flatMap(([reason, tests]) => [
      `skipped ${tests.length}: ${reason}`,
      ...tests.map(({ name }) => `  ${name}`),
    ]),
    ...retried.map((name) => `passed only when tried again: ${name}`),
  ];
}

function addReports(reports: readonly TestReport[]): TestReport {
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: reports.reduce((sum, { failed }) => sum + failed, 0),
    skipped: reports.flatMap(({ skipped }) => skipped),
    retried: reports.flatMap(({ retried }) => retried),
  };
}

export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const report = reportOf(modules);
    const lines = describeReport(report);
    if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
    const folder = process.env.STEPSPAN_TEST_REPORTS;
    if (folder === undefined || folder === '') return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${process.pid}.json`), JSON.stringify(report));
  }
}

if (import.meta.main) {
  const [folder = '.'] = process.argv.slice(2);
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const all = addReports(files.map((file): TestReport => JSON.parse(readFileSync(path.join(folder, file), 'utf8'))));
  for (const line of describeReport(all)) console.log(line);
  console.log(`${all.passed} passed, ${all.failed} failed, ${all.skipped.length} skipped`);
}
