// The environment in which the real Claude Code CLI talks to a scripted Messages API and to nothing else.
// Sources: Claude Code's documentation of environment variables, tried with 2.1.328.

/**
 * Variables to put over a clean environment.
 * @param options.apiUrl where the scripted API listens
 * @param options.home a folder of its own, so that neither a person's settings nor their login is used
 */
export function claudeTestEnvironment(options: {
  readonly apiUrl: string;
  readonly home: string;
}): Record<string, string> {
  return {
    HOME: options.home,
    CLAUDE_CONFIG_DIR: `${options.home}/.claude`,
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    ANTHROPIC_BASE_URL: options.apiUrl,
    // Not a key: the scripted API asks for none, and the CLI does not start without one.
    ANTHROPIC_API_KEY: 'sk-test',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // Lets a container's root use permission modes that the CLI refuses to root otherwise.
    IS_SANDBOX: '1',
  };
}
