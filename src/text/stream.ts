// The streams a line can come from and how severe it can be. Vocabulary only.

/** Where a line came from. `system` is what stepspan says; `debug` is raw protocol, such as Claude's stream-json. */
export type Stream = 'stdout' | 'stderr' | 'system' | 'debug';

export const streams = ['stdout', 'stderr', 'system', 'debug'] as const satisfies readonly Stream[];

/** How severe a line is. Maps to OTLP severity numbers 5, 9, 13 and 17, and 21 for what calls itself fatal. */
export type Severity = 'debug' | 'info' | 'warning' | 'error';

/** The level that a line says it has. Only what is sent distinguishes a fatal one; everywhere else it is an error. */
export type Level = Severity | 'fatal';

export const severities = ['debug', 'info', 'warning', 'error'] as const satisfies readonly Severity[];
