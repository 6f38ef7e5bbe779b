// The examples at the end of a command's help. Called by the commands.

/** @param lines the arguments of each example, without the name of the program */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ stepspan ${line}`).join('\n')}\n`;
}
