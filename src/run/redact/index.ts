// The way into the redactor for the rest of `run`.

export type { LeftOut } from './environment.ts';
export type { HiddenCounts, RedactionKind } from './kinds.ts';
export {
  createRedactor,
  type Redactor,
  type RedactorOptions,
  type SecretProblem,
} from './redactor.ts';
export { HOLD_MS, type Redacted, type RedactionStream } from './stream.ts';
export type { RedactedText, RedactedValue } from './values.ts';
