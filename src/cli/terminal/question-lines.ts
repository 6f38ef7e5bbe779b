// A question of a run as lines of text: the whole command, change or question, and how to answer. Called by `stepspan answer` and by the
// terminal of the run.
import type { WholeQuestion } from '../../api/http/questions.ts';
import { questionParts } from '../../conversation/index.ts';
import { type Answer, choicesIn } from '../../core/answer.ts';
import { formatElapsed } from '../../core/duration.ts';
import { endOfWait } from '../../core/question-event.ts';
import { waitingForAnswer } from '../../runs/index.ts';
import { showHidden } from '../../text/hidden.ts';
import type { Style } from './style.ts';

/** What is asked, whole. */
export function questionLines(question: WholeQuestion, style: Style, nowMs: number): readonly string[] {
  const { questionId, step, tool, kind, since, until, suggestions, input, isCut } = question;
  const waited = formatElapsed(Math.max(0, nowMs - Date.parse(since)));
  const left = formatElapsed(Math.max(0, Date.parse(until) - nowMs));
  const what = { kind, summary: kind === 'permission' ? tool : titles[kind] };
  return [
    style.bold(`${questionId}  step ${showHidden(step)} waits for ${showHidden(waitingForAnswer(what))}`),
    `  asked ${waited} ago; ${endOfWait(question)} in ${left}`,
    ...(isCut ? [style.yellow('  It is too long to be shown as a whole, so it can only be denied.')] : []),
    '',
    ...(kind === 'question' ? choiceLines(input, style) : partLines(tool, input, style)),
    ...(suggestions.length === 0
      ? []
      : ['', `  --allow-always allows: ${showHidden(suggestions.join(', ').replaceAll('\n', ' '))}`]),
  ];
}

export function commandsThatAnswer(runId: string, { questionId, answers }: WholeQuestion): readonly string[] {
  return answers.map((answer) => `  stepspan answer ${runId} --question ${questionId} ${flagTexts[answer]}`);
}

/** What is asked is below it, whole. */
const titles = {
  question: 'see below',
  plan: 'the plan',
  interrupted: 'its turn was interrupted',
  approval: '',
  input: '',
} as const;

const flagTexts: Readonly<Record<Answer['kind'], string>> = {
  allow: '--allow',
  allow_always: '--allow-always',
  deny: '--deny REASON',
  choose: '--choose OPTION',
  text: '--text TEXT',
  continue: '--continue',
  end: '--end REASON',
};

function choiceLines(input: string, style: Style): readonly string[] {
  return choicesIn(input).flatMap(({ question, options, isMultiple }, index) => [
    ...(index === 0 ? [] : ['']),
    ...showHidden(question)
      .split('\n')
      .map((line) => `  ${style.bold(line)}`),
    ...(isMultiple ? ['  (several can be chosen)'] : []),
    ...options.map(({ label, description }, at) => {
      const more = description === '' ? '' : `: ${showHidden(description).replaceAll('\n', ' ')}`;
      return `    ${at + 1}. ${showHidden(label).replaceAll('\n', ' ')}${more}`;
    }),
  ]);
}

function partLines(tool: string, input: string, style: Style): readonly string[] {
  return questionParts(tool, input).flatMap(({ name, lines }) => {
    const rows = lines.map(({ sign, text }) => {
      const row = `    ${sign}${text}`;
      return sign === '+' ? style.green(row) : sign === '-' ? style.red(row) : row;
    });
    return [`  ${name.replaceAll('\n', ' ')}:`, ...rows];
  });
}
