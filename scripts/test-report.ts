// A reporter of Vitest: it says how many tests of each file were skipped and why, which failed, and which passed only after a
// retry. If STEPSPAN_TEST_REPORTS names a folder, it also writes its counts there as JSON, as the matrix of faults does. `node
// scripts/test-report.ts details FOLDER` and `… totals FOLDER [FAILED STAGE]` add up such files: .ci/run ends with them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

export type TestReport = {
  readonly passed: number;
  /** What failed, with the beginning of its error. */
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
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

function reportOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): TestReport {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string): readonly TestCase[] => tests.filter((test) => test.result().state === state);
  // A file that does not load, and hooks around tests, fail without a test that does.
  const groups = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const failedGroups = groups.filter((group) => group.state() === 'failed' && group.errors().length > 0);
  return {
    passed: inState('passed').length,
    failed: [
      ...inState('failed').map((test) => `${fullName(test)}: ${firstError(test.result().errors)}`),
      ...failedGroups.map((group) => `${groupName(group)}: ${firstError(group.errors())}`),
      ...unhandled.map((error) => `outside of a test: ${firstError([error])}`),
    ],
    skipped: inState('skipped').map((test) => ({ file: test.module.relativeModuleId, reason: skipReason(test) })),
    retried: tests
      .filter((test) => test.diagnostic()?.flaky === true)
      .map((test) => `${fullName(test)}: ${firstError(test.result().errors)}`),
  };
}

const firstError = (errors: readonly { readonly message: string }[] | undefined): string =>
  errors?.[0]?.message.split('\n').slice(0, 3).join(' ') ?? 'no error was kept';

const fullName = (test: TestCase): string => `${test.module.relativeModuleId}: ${test.fullName}`;

const groupName = (group: TestModule | TestSuite): string =>
  group.type === 'module' ? group.relativeModuleId : `${group.module.relativeModuleId}: ${group.fullName}`;

function describeReport({ skipped, failed, retried }: TestReport): readonly string[] {
  const byFile = Map.groupBy(skipped, ({ file, reason }) => `${file}: ${reason}`);
  return [
    ...[...byFile].map(([what, { length }]) => `skipped ${length}: ${what}`),
    ...retried.map((name) => `passed only when tried again: ${name}`),
    ...failed.map((name) => `failed: ${name}`),
  ];
}

/** @param failedStage of .ci/run: it counts if no test says that it failed */
function totalsLine({ passed, failed, skipped }: TestReport, failedStage: string): string {
  const failures = failed.length === 0 && failedStage !== '' ? 1 : failed.length;
  return `${passed} passed, ${failures} failed, ${skipped.length} skipped`;
}

/** Adds counts to those of this run of CI, if this is one. */
export function writeReport(report: TestReport): void {
  const folder = process.env.STEPSPAN_TEST_REPORTS;
  if (folder === undefined || folder === '') return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${process.pid}.json`), JSON.stringify(report));
}

function readReports(folder: string): TestReport {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const reports = files.map((file): TestReport => JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: reports.flatMap(({ failed }) => failed),
    skipped: reports.flatMap(({ skipped }) => skipped),
    retried: reports.flatMap(({ retried }) => retried),
  };
}

export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const report = reportOf(modules, unhandled);
    const lines = describeReport(report);
    if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
    writeReport(report);
  }
}

if (import.meta.main) {
  const [what, folder = '.', failedStage = ''] = process.argv.slice(2);
  const report = readReports(folder);
  if (what === 'details') for (const line of describeReport(report)) console.log(line);
  else console.log(totalsLine(report, failedStage));
}
