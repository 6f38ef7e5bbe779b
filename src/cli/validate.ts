// The commands `validate` and `init`, which read or write a workflow file and start nothing.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { errorCode, toError } from '../core/errors.ts';
import { checkSurroundings, type Finding } from '../run/preflight/index.ts';
import {
  describeWorkflow,
  formatProblems,
  formatWarnings,
  loadWorkflow,
  locateProblems,
  type Problem,
  schemaReference,
  starterWorkflow,
  type Workflow,
} from '../workflow/index.ts';
import { type CliContext, fail } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';

type CheckedFile = {
  readonly workflow: Workflow | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

/** Checks the file itself and, if it is valid, the files and programs that it names. */
function checkFile(file: string, env: NodeJS.ProcessEnv): CheckedFile {
  const result = loadWorkflow(file);
  if (!result.ok) return { workflow: undefined, problems: result.problems, warnings: [] };
  const { workflow } = result;
  const found = checkSurroundings(workflow, env);
  const of = (severity: Finding['severity']): readonly Problem[] =>
    locateProblems(
      workflow,
      found.filter((each) => each.severity === severity),
    );
  return { workflow, problems: of('problem'), warnings: [...result.warnings, ...of('warning')] };
}

export function registerValidate(program: Command, context: CliContext): void {
  /** Paths as a person in this folder would write them. */
  const relative = (problems: readonly Problem[], file: string): readonly Problem[] =>
    problems.map((problem) => ({ ...problem, file: path.relative(context.cwd, problem.file) || file }));

  program
    .command('validate')
    .argument('<file...>', 'workflow files')
    .description('Check workflow files and report everything that is wrong with them. Starts nothing.')
    .option('-q, --quiet', 'print nothing for files without problems')
    .option('--json', 'print one JSON array with what is wrong with each file')
    .addHelpText(
      'after',
      examples('validate review.yaml', 'validate workflows/*.yaml', 'validate workflows/*.yaml --json | jq .'),
    )
    .action((files: readonly string[], flags: { readonly quiet?: boolean; readonly json?: boolean }) => {
      const checked: object[] = [];
      for (const file of files) {
        const { workflow, problems, warnings } = checkFile(path.resolve(context.cwd, file), context.env);
        if (warnings.length > 0) context.stderr.write(`${formatWarnings(relative(warnings, file))}\n`);
        if (problems.length > 0) {
          context.stderr.write(`${formatProblems(relative(problems, file))}\n`);
          context.setExitCode(exitCodes.badInput);
        } else if (workflow !== undefined && flags.quiet !== true && flags.json !== true) {
          context.stdout.write(`${file}: ${describeWorkflow(workflow)}`);
        }
        checked.push({
          file,
          ok: problems.length === 0,
          workflow: workflow?.name ?? null,
          problems: relative(problems, file),
          warnings: relative(warnings, file),
        });
      }
      if (flags.json === true) context.stdout.write(`${JSON.stringify(checked)}\n`);
    });

  program
    .command('init')
    .argument('[file]', 'where to write it', 'stepspan.yaml')
    .description('Write a first workflow with comments, for you to change.')
    .option('-f, --force', 'overwrite an existing file')
    .addHelpText('after', examples('init', 'init workflows/nightly.yaml'))
    .action((file: string, flags: { readonly force?: boolean }) => {
      const target = path.resolve(context.cwd, file);
      if (existsSync(target) && flags.force !== true) {
        return fail(
          context,
          exitCodes.badInput,
          `${file} already exists; choose another name, or add --force to overwrite it`,
        );
      }
      try {
        writeFileSync(target, starterWorkflow(schemaReference(target)));
      } catch (error) {
        const hasNoFolder = errorCode(error) === 'ENOENT';
        const why = hasNoFolder ? `there is no folder ${path.dirname(target)}; make it first` : toError(error).message;
        return fail(context, exitCodes.badInput, `${file} cannot be written: ${why}`);
      }
      context.stdout.write(
        `Wrote ${file}. Check it with \`stepspan validate ${file}\`, run it with \`stepspan run ${file}\`.\n`,
      );
      return undefined;
    });
}
