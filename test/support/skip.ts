// Options of a test or of `describe` that is left out where the machine lacks something. The reason reaches the report
// of the test run, which names each test that did not run (scripts/test-report.ts).
declare module 'vitest' {
  interface TaskMeta {
    skipped?: string;
  }
}

/** @param reason a sentence without a full stop; undefined runs the test */
export function skipBecause(reason: string | undefined): {
  readonly skip: boolean;
  readonly meta: { skipped?: string };
} {
  return reason === undefined ? { skip: false, meta: {} } : { skip: true, meta: { skipped: reason } };
}
