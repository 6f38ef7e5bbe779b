// The folder in which processes that tests start keep compiled code, so that the next process does not compile it again:
// that is half of the CPU time of a short command. Used by cli.ts and by rigs that start servers.
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Beside the bundled program, which ends with the test run; what runs from sources keeps it longer. */
const folder =
  process.env.STEPSPAN_TEST_PROGRAM === undefined
    ? path.join(tmpdir(), 'stepspan-test-compile-cache')
    : path.resolve(process.env.STEPSPAN_TEST_PROGRAM, '../../../compiled');

/** For the environment of every process of stepspan. Node checks each entry against its source. */
export const compileCache = { NODE_COMPILE_CACHE: folder } as const;
