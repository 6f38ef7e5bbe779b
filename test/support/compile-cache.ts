// Where processes that tests start keep what they have compiled, so that the next one need not: reading the sources is half of the
// CPU time of a short command. Knows no program.
import { tmpdir } from 'node:os';
import path from 'node:path';

/** To put into the environment of whatever runs from its sources. Node checks each entry against the source that it is of. */
export const compileCache = { NODE_COMPILE_CACHE: path.join(tmpdir(), 'stepspan-test-compile-cache') } as const;
