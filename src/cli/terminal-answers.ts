// Questions of a run in its own terminal: shows them whole above the list of steps, and takes the answer that is typed. Called by
// watch-run.ts. Reads the keyboard only while something is asked and stepspan has the terminal: a process in the background that reads it
// is stopped by the kernel, and the run with it.
import { readQuestions, type WholeQuestion } from '../api/http/questions.ts';
import { openJournal, type RunFolder } from '../journal/index.ts';
import { type RunState, viewRun } from '../runs/index.ts';
import { showHidden } from '../text/hidden.ts';
import type { TerminalKeys } from './context.ts';
import type { LiveView } from './terminal/live-view.ts';
import { commandsThatAnswer, questionLines } from './terminal/question-lines.ts';
import type { Style } from './terminal/style.ts';
import { describeWords, readTypedAnswer } from './terminal/typed-answer.ts';
import { userName } from './user-name.ts';

export type TerminalAnswers = {
  /** Takes the state of the run after each batch of records. */
  readonly update: (state: RunState) => void;
  readonly close: () => void;
};

export type TerminalAnswersOptions = {
  readonly folder: RunFolder;
  readonly view: Pick<LiveView, 'print' | 'prompt'>;
  /** Undefined without a terminal to type into. */
  readonly keys: TerminalKeys | undefined;
  readonly style: Style;
  readonly now: () => number;
};

/** How often it looks whether the terminal is still its own, in ms; a shell can move a run to the background at any time. */
const lookMs = 500;

export function createTerminalAnswers(options: TerminalAnswersOptions): TerminalAnswers {
  const { view, keys } = options;
  /** Questions that are open, by the newest state; those that have been shown, whole. */
  let open: readonly string[] = [];
  const shown = new Map<string, WholeQuestion>();
  let typed = '';
  let stopReading: (() => void) | undefined;
  let reading: Promise<void> = Promise.resolve();

  const current = (): WholeQuestion | undefined => open.map((id) => shown.get(id)).find((each) => each !== undefined);
  const draw = (): void => {
    const question = current();
    const isTyping = question !== undefined && stopReading !== undefined;
    view.prompt(isTyping ? `answer ${question.questionId} (${describeWords(question.answers)}): ${typed}` : undefined);
  };
  const submit = (): void => {
    const question = current();
    const line = typed;
    typed = '';
    if (question === undefined || line.trim() === '') return;
    const answer = readTypedAnswer(line, question.answers);
    if (answer === undefined) view.print([`Type one of: ${describeWords(question.answers)}.`]);
    else void sendAnswer(options, question, answer);
  };
  const onKeys = (text: string): void => {
    for (const key of keysIn(text)) {
      if (key === '\r' || key === '\n') submit();
      else if (key === '\x03') keys?.signal('SIGINT');
      else if (key === '\x1a') {
        // It reads again when it has been continued in the foreground.
        stopReading?.();
        stopReading = undefined;
        keys?.signal('SIGTSTP');
      } else typed = afterKey(typed, key);
    }
    draw();
  };
  const look = (): void => {
    const wants = keys?.isForeground() === true && current() !== undefined;
    if (wants && stopReading === undefined) stopReading = keys?.read(onKeys);
    if (!wants && stopReading !== undefined) {
      stopReading();
      stopReading = undefined;
      typed = '';
    }
    draw();
  };
  const timer = setInterval(look, lookMs);
  timer.unref();

  return {
    update(state) {
      const before = open;
      open = state.steps.flatMap(({ questions }) => questions.map(({ questionId }) => questionId));
      if (open.length === before.length && open.every((id, index) => id === before[index])) return;
      // What was typed for one question does not answer the next.
      if (open[0] !== before[0]) typed = '';
      for (const id of shown.keys()) if (!open.includes(id)) shown.delete(id);
      // A journal that cannot be read is reported by the run.
      reading = reading.then(() => showNew(options, state, shown)).then(look, () => undefined);
    },
    close() {
      clearInterval(timer);
      stopReading?.();
      stopReading = undefined;
    },
  };
}

/** Shows the questions that are not in `shown` yet. */
async function showNew(
  options: TerminalAnswersOptions,
  state: RunState,
  shown: Map<string, WholeQuestion>,
): Promise<void> {
  const { folder, view, keys, style, now } = options;
  const { steps } = viewRun(state, { nowMs: now(), isWriterGone: false });
  const fresh = steps.map(({ id, questions }) => ({
    id,
    questions: questions.filter(({ questionId }) => !shown.has(questionId)),
  }));
  for (const question of await readQuestions(openJournal(folder), fresh)) {
    shown.set(question.questionId, question);
    const commands = keys === undefined ? ['', ...commandsThatAnswer(folder.runId, question)] : [];
    view.print(['', ...questionLines(question, style, now()), ...commands, '']);
  }
}

/** Arrows and the like come as one sequence, and do nothing here. */
function keysIn(text: string): readonly string[] {
  return text.startsWith('\x1b') ? [] : [...text];
}

function afterKey(typed: string, key: string): string {
  switch (key) {
    case '\x7f':
    case '\b':
      return [...typed].slice(0, -1).join('');
    case '\x15':
      return '';
    default:
      return key < ' ' ? typed : typed + key;
  }
}

async function sendAnswer(
  { folder, view }: TerminalAnswersOptions,
  { questionId }: WholeQuestion,
  answer: NonNullable<ReturnType<typeof readTypedAnswer>>,
): Promise<void> {
  const { steerRun } = await import('../hub/index.ts');
  const steered = await steerRun(folder, { verb: 'answer', questionId, answer, by: userName(), from: 'terminal' });
  view.print([showHidden(steered.message)]);
}
