// A question to a person on one line, with nothing hidden in it, for lists, the terminal and alerts. Pure. Called by the fold of a step
// and by the text of events.
import { choicesIn } from '../core/answer.ts';
import { parseObject, textAt } from '../core/json.ts';
import type { Question } from '../core/question-event.ts';
import { firstLine, mainArgument } from '../core/tool-call.ts';
import { unreachable } from '../core/unreachable.ts';
import { showHidden } from '../text/hidden.ts';
import { lastLineLength } from './last-line.ts';

type Asked = Pick<Question, 'kind' | 'tool' | 'input'>;

/** Such as `Bash(npm test)`, `Which database?`, `the plan: Rename the module`. */
export function summarizeQuestion({ kind, tool, input }: Asked): string {
  return textOf(kind, tool, input).slice(0, lastLineLength).toWellFormed();
}

/** What a run waits for, as a phrase: `permission for Bash(npm test)`. */
export function waitingForAnswer({
  kind,
  summary,
}: {
  readonly kind: Asked['kind'];
  readonly summary: string;
}): string {
  switch (kind) {
    case 'permission':
      return `permission for ${summary}`;
    case 'question':
      return `an answer: ${summary}`;
    case 'plan':
      return `approval of ${summary}`;
    case 'interrupted':
      return `how to continue: ${summary}`;
    case 'approval':
      return summary === '' ? 'approval' : `approval: ${summary}`;
    case 'input':
      return summary === '' ? 'a line of input' : `input: ${summary}`;
    default:
      return unreachable(kind);
  }
}

function textOf(kind: Asked['kind'], tool: string, input: string): string {
  switch (kind) {
    case 'permission': {
      const argument = lineOf(mainArgument(parseObject(input) ?? {}));
      return argument === '' ? tool : `${tool}(${argument})`;
    }
    case 'question': {
      const questions = choicesIn(input).map(({ question }) => lineOf(question));
      const more = questions.length > 1 ? ` (and ${questions.length - 1} more)` : '';
      return `${questions[0] ?? 'a question'}${more}`;
    }
    case 'interrupted':
      return 'its turn was interrupted';
    case 'plan': {
      const plan = lineOf(textAt(parseObject(input) ?? {}, 'plan') ?? '');
      return plan === '' ? 'the plan' : `the plan: ${plan}`;
    }
    case 'approval':
      return lineOf(textAt(parseObject(input) ?? {}, 'message') ?? '');
    case 'input':
      return lineOf(textAt(parseObject(input) ?? {}, 'prompt') ?? '');
    default:
      return unreachable(kind);
  }
}

function lineOf(text: string): string {
  return firstLine(showHidden(text));
}
