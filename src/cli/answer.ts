// `stepspan answer RUN`: shows what a run asks, whole, and answers it. Answers reach the run through the hub's `steerRun`
// and the control channel, bound to the id of the question.
import { type Command, Option } from 'commander';
import { readQuestions, type WholeQuestion } from '../api/http/questions.ts';
import type { Answer } from '../core/answer.ts';
import { openJournal, type RunFolder } from '../journal/index.ts';
import { isWriterGone, type RunState, viewRun } from '../runs/index.ts';
import { showHidden } from '../text/hidden.ts';
import { type CliContext, fail } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { findRunState, readable, runArgument } from './find-run.ts';
import { createOutput } from './output.ts';
import { readSecretLine } from './secret-line.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';
import { commandsThatAnswer, questionLines } from './terminal/question-lines.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';
import { userName } from './user-name.ts';

type AnswerFlags = FlagValues & {
  readonly step?: string;
  readonly question?: string;
  readonly allow?: boolean;
  readonly allowAlways?: boolean;
  readonly deny?: string;
  readonly choose?: readonly string[];
  readonly text?: string;
  readonly secret?: boolean;
  readonly continue?: boolean;
  readonly end?: string;
  readonly json?: boolean;
};

export function registerAnswer(program: Command, context: CliContext): void {
  const answers = ['allow', 'allowAlways', 'deny', 'choose', 'text', 'secret', 'continue', 'end'];
  const exclusive = (option: Option, own: string): Option => option.conflicts(answers.filter((name) => name !== own));
  const command = program
    .command('answer')
    .argument('<run>', runArgument)
    .description('Show what a run asks, or answer it. The first answer wins.')
    .option('--step <id>', 'only of this step')
    .option('--question <id>', 'which question, as it is shown; not needed if only one is open')
    .addOption(exclusive(new Option('--allow', 'allow it once, or approve'), 'allow'))
    .addOption(
      exclusive(
        new Option('--allow-always', 'allow it, and what its rules cover, until the session ends'),
        'allowAlways',
      ),
    )
    .addOption(
      exclusive(
        new Option('--deny <reason>', 'deny it; Claude Code, or what comes after the step, is given the reason'),
        'deny',
      ),
    )
    .addOption(
      exclusive(
        new Option('--choose <option...>', 'answer a question: a label or its number, one for each question'),
        'choose',
      ),
    )
    .addOption(
      exclusive(
        new Option(
          '--text <text>',
          'answer in your own words, or the line that a command waits for; after an interrupt, continue with them',
        ),
        'text',
      ),
    )
    .addOption(
      exclusive(
        new Option('--secret', 'type the line that a command waits for unseen, or pipe it in; it is kept nowhere'),
        'secret',
      ),
    )
    .addOption(exclusive(new Option('--continue', 'after an interrupt: continue where it stopped'), 'continue'))
    .addOption(exclusive(new Option('--end <reason>', 'after an interrupt: end the step as a failure'), 'end'))
    .option('--json', 'print what is open as one JSON object')
    .addHelpText(
      'after',
      examples(
        'answer latest',
        'answer latest --allow',
        'answer 7f3k2m --step fix --deny "use the staging database"',
        'answer latest --question q-1a2b3c4d --choose SQLite',
      ),
    )
    .action((run: string, flags: AnswerFlags) => answer(context, run, flags));
  addSettingFlags(command, 'dataDir', 'colour');
}

async function answer(context: CliContext, text: string, flags: AnswerFlags): Promise<void> {
  const found = await findRunState(context, text, { ...flags });
  if (found === undefined) return;
  const { folder, state, settings } = found;
  const { step } = flags;
  if (step !== undefined && !state.steps.some(({ id }) => id === step)) {
    const steps = state.steps.map(({ id }) => id).join(', ');
    return fail(context, exitCodes.notFound, `Run ${state.runId} has no step \`${step}\`.`, `Its steps are ${steps}.`);
  }
  const given = flags.secret === true ? await secretAnswer(context) : answerOf(flags);
  if (given === 'no_line') return fail(context, exitCodes.badInput, 'No line was typed, so nothing is sent.');
  if (given !== undefined && flags.question !== undefined)
    return send(context, folder, { questionId: flags.question, answer: given });
  const open = await readable(context, () => openQuestions(folder, state, flags, context.now()));
  if (open === 'unreadable') return;
  if (given !== undefined) return answerOnly(context, { folder, state, open }, given);
  const output = createOutput(context.stdout);
  const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
  const lines = flags.json
    ? [JSON.stringify({ runId: state.runId, questions: open })]
    : linesOf(state, open, style, context.now());
  await output.write(`${lines.join('\n')}\n`);
  output.release();
}

async function secretAnswer(context: CliContext): Promise<Answer | 'no_line'> {
  const text = await readSecretLine(context, 'Line (not shown): ');
  return text === undefined ? 'no_line' : { kind: 'text', text, isSecret: true };
}

function answerOf(flags: AnswerFlags): Answer | undefined {
  const { allow, allowAlways, deny, choose, text, end } = flags;
  if (flags.continue === true) return { kind: 'continue' };
  if (end !== undefined) return { kind: 'end', reason: end };
  if (allow === true) return { kind: 'allow' };
  if (allowAlways === true) return { kind: 'allow_always' };
  if (deny !== undefined) return { kind: 'deny', reason: deny };
  if (choose !== undefined) return { kind: 'choose', choices: choose };
  return text === undefined ? undefined : { kind: 'text', text };
}

async function openQuestions(
  folder: RunFolder,
  state: RunState,
  { step, question }: AnswerFlags,
  nowMs: number,
): Promise<readonly WholeQuestion[]> {
  const { steps } = viewRun(state, { nowMs, isWriterGone: isWriterGone(state) });
  const all = await readQuestions(openJournal(folder), steps);
  return all.filter(
    (each) => (step === undefined || each.step === step) && (question === undefined || each.questionId === question),
  );
}

type Found = { readonly folder: RunFolder; readonly state: RunState; readonly open: readonly WholeQuestion[] };

/** Without the id of a question the answer is for the only one that is open. */
async function answerOnly(context: CliContext, { folder, state, open }: Found, given: Answer): Promise<void> {
  const [only, ...more] = open;
  if (only === undefined) return fail(context, exitCodes.notExecuted, `Run ${state.runId} asks nothing now.`);
  if (more.length > 0) {
    const ids = open.map(({ questionId, step }) => `${questionId} (step ${step})`).join(', ');
    const what = `Run ${state.runId} asks ${open.length} questions; choose one with --question: ${ids}.`;
    return fail(context, exitCodes.badInput, what);
  }
  return send(context, folder, { questionId: only.questionId, answer: given });
}

async function send(
  context: CliContext,
  folder: RunFolder,
  { questionId, answer: given }: { readonly questionId: string; readonly answer: Answer },
): Promise<void> {
  const { steerRun } = await import('../hub/index.ts');
  const steered = await steerRun(folder, { verb: 'answer', questionId, answer: given, by: userName(), from: 'cli' });
  if (steered.kind === 'done') context.stdout.write(`${showHidden(steered.message)}\n`);
  else fail(context, exitCodes.notExecuted, showHidden(steered.message));
}

function linesOf(state: RunState, open: readonly WholeQuestion[], style: Style, nowMs: number): readonly string[] {
  if (open.length === 0) return [`Run ${state.runId} asks nothing now.`];
  return open.flatMap((question, index) => [
    ...(index === 0 ? [] : ['']),
    ...questionLines(question, style, nowMs),
    '',
    ...commandsThatAnswer(state.runId, question),
  ]);
}
