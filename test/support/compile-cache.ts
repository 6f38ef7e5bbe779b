// The folder in which processes that tests start keep compiled code, so that the next process does not compile it again:
// that is half of the CPU time of a short command. Used by cli.ts and by rigs that start servers.
import { tmpdir } from 'node:os';
import path from 'node:path';

/** For the environment of every process that runs from sources. Node checks each entry against its source. */
export const compileCache = { NODE_COMPILE_CACHE: path.join(tmpdir(), 'stepspan-test-compile-cache') } as const;
