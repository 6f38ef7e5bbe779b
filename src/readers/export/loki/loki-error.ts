// Why Loki could not be read, in a sentence that says what to do. Not a bug of ours, and not to be reported as one.

export class LokiError extends Error {
  override readonly name = 'LokiError';
}
