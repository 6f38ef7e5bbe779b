// Settings from an environment that is given, for packages that read `process.env` only.

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Runs `read`, which must not wait for anything, with `process.env` replaced: the OpenTelemetry packages take their
 * settings from there and nowhere else, and a hub ships runs whose settings are not its own.
 */
export function withProcessEnv<T>(env: Env, read: () => T): T {
  const before = process.env;
  // Assigned and not changed in place, so that nothing of it reaches the environment of child processes.
  process.env = { ...env };
  try {
    return read();
  } finally {
    process.env = before;
  }
}
