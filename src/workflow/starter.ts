// The first workflow that `stepspan init` writes: it works in any folder, and shows the fields one meets first.
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * The text of the file.
 * @param schema where editors find the schema, as `schemaReference` returns it; undefined leaves the line out
 */
export function starterWorkflow(schema?: string): string {
  return `${schema === undefined ? '' : `# yaml-language-server: $schema=${schema}\n`}${starter}`;
}

const schemaInPackage = join('node_modules', 'stepspan', 'schema', 'workflow.schema.json');

/**
 * The schema of the installed package, relative to the folder of the workflow file that is about to be written.
 * Undefined if stepspan is not installed in that project: a path of this machine alone would help nobody else.
 */
export function schemaReference(workflowFile: string): string | undefined {
  const from = dirname(resolve(workflowFile));
  for (let folder = from; ; folder = dirname(folder)) {
    const schema = join(folder, schemaInPackage);
    if (existsSync(schema)) {
      const path = relative(from, schema).replaceAll('\\', '/');
      return path.startsWith('.') ? path : `./${path}`;
    }
    if (folder === dirname(folder)) return undefined;
  }
}

const starter = `# A first stepspan workflow.
#   check it:  stepspan validate FILE
#   run it:    stepspan run FILE
name: first-look
description: Collects facts about this folder, and lets Claude Code say what to do next.

# Values that a run can be given. A plain value is the default, and sets the type.
params:
  topic: correctness
  commits: 10

# Limits of the whole run: time, and US dollars over all Claude Code steps.
timeout: 30m
budget: 1

steps:
  # Steps that do not need one another run at the same time.
  - id: files
    name: Count files by type
    readOnly: true
    # A script runs in bash, and stops at the first command that fails, also inside a pipe.
    run: |
      find . -type f -not -path '*/.git/*' -not -path '*/node_modules/*' |
        sed -n 's/.*\\.\\([A-Za-z0-9]*\\)$/\\1/p' | sort | uniq -c | sort -rn | sed -n 1,20p

  - id: history
    name: Read the last commits
    readOnly: true
    # Params and outputs of earlier steps reach a script as environment variables.
    run: |
      if git rev-parse --verify --quiet HEAD > /dev/null 2>&1; then
        git log --max-count="$STEPSPAN_PARAM_COMMITS" --format='%h %s'
        git status --short
      else
        echo 'no git history here'
      fi

  - id: todos
    name: Find what was left to do
    readOnly: true
    timeout: 2m
    run: |
      { grep -rnIE 'TODO|FIXME' --exclude-dir=.git --exclude-dir=node_modules . || true; } | sed -n 1,50p

  - id: advise
    name: Ask Claude Code
    needs: [files, history, todos]
    timeout: 10m
    # One more attempt, after a wait, when it fails.
    retries: {max: 1, delay: 10s}
    claude:
      prompt: |
        Here are facts about this folder. You may read its files, but change nothing.

        Files by type:
        {{ steps.files.output }}

        Last commits:
        {{ steps.history.output }}

        Notes in the code:
        {{ steps.todos.output }}

        Name the three things that would improve its {{ params.topic }} most, each in two sentences.
      allowedTools: [Read, Grep, Glob]
      # Whatever else would ask for a permission is denied, as nobody is there to answer.
      permissionMode: dontAsk
      maxBudgetUsd: 0.5
`;
