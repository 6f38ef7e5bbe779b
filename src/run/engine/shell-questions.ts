// The lines that the command of a shell step with `ask` waits for: noticed, asked of a person, and written into its stdin. While one is
// awaited, the timeout and the stall clocks of the attempt stand still. Called by shell-attempt.ts.
import { PassThrough, type Readable } from 'node:stream';
import type { Answer } from '../../core/answer.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Subject } from '../../core/record.ts';
import type { Ask } from '../../workflow/ask.ts';
import type { Activity } from '../claude/index.ts';
import { createPausableTimer, createStdinWatch, type ProcessTree, type StdinState } from '../process/index.ts';
import type { Redactor } from '../redact/index.ts';
import type { Accepted, Questions } from './questions.ts';

export type ShellQuestions = {
  /** What the command reads as its stdin; it stays open until a person ends it, or the attempt ends. */
  readonly input: Readable;
  /** Begins to look whether the command waits. */
  readonly watch: (tree: ProcessTree) => void;
  /** The attempt has ended, or is being ended. What is still open is closed without an answer. */
  readonly close: () => void;
};

export type ShellQuestionsOptions = {
  readonly ask: Extract<Ask, { kind: 'wait' }>;
  readonly subject: Subject;
  readonly questions: Questions;
  readonly redactor: Redactor;
  /** The last line that the command has printed, whole or not. */
  readonly activity: () => Activity;
  readonly onWaiting: (isWaiting: boolean) => void;
  readonly stop: (outcome: Outcome, why: string) => void;
};

/** A person does not notice a quarter of a second, and a look costs a few reads in /proc. */
const lookEveryMs = 250;

/** Where nobody can see what the command waits for, a prompt without a line end and this much silence are taken for it. */
const silenceMs = 2_000;

/** What the functions below share. */
type Asking = {
  readonly options: ShellQuestionsOptions;
  readonly input: PassThrough;
  /** Ends the open question; undefined while none is open. */
  end: ((given: 'unanswered' | 'withdrawn' | 'timed_out') => boolean) | undefined;
  /** Of the look before: a command that reads for a moment only does not wait for a person. */
  wasWaiting: boolean;
  timer: NodeJS.Timeout | undefined;
  isClosed: boolean;
};

export function createShellQuestions(options: ShellQuestionsOptions): ShellQuestions {
  const input = new PassThrough();
  const asking: Asking = { options, input, end: undefined, wasWaiting: false, timer: undefined, isClosed: false };
  return {
    input,
    watch(tree) {
      const stdin = createStdinWatch(tree);
      const look = (): void => {
        void stdin.look().then((state) => {
          if (asking.isClosed || input.writableEnded) return;
          see(asking, state);
          asking.timer = setTimeout(look, lookEveryMs);
        });
      };
      look();
    },
    close() {
      asking.isClosed = true;
      clearTimeout(asking.timer);
      asking.end?.('unanswered');
      input.end();
    },
  };
}

function see(asking: Asking, state: StdinState): void {
  const activity = asking.options.activity();
  const isWaiting = waits(state, activity);
  if (asking.end !== undefined) {
    if (!isWaiting) asking.end('withdrawn');
  } else if (isWaiting && asking.wasWaiting) openQuestion(asking, promptOf(activity));
  asking.wasWaiting = isWaiting;
}

function openQuestion(asking: Asking, prompt: string): void {
  const { options, input } = asking;
  const { ask, questions, subject } = options;
  const waitMs = Math.min(ask.waitMs, Math.max(0, ask.totalWaitMs - questions.waitedMs(subject.step)));
  const timer = createPausableTimer(waitMs, () => onTimeout(asking));
  const leave = (): void => {
    timer.cancel();
    asking.end = undefined;
    asking.wasWaiting = false;
    options.onWaiting(false);
  };
  const untilNs = (BigInt(Math.round(Date.now() + waitMs)) * 1_000_000n).toString();
  const question = questions.open({
    subject,
    asked: {
      ...{ kind: 'input', tool: '', toolUseId: '', suggestions: [], isCut: false },
      ...{ input: JSON.stringify({ prompt }), untilNs, onTimeout: ask.onTimeout },
    },
    accept: (answer) =>
      accept(asking, answer, (line) => {
        leave();
        if (line === undefined) input.end();
        else input.write(`${line}\n`);
      }),
  });
  asking.end = (given) => {
    const isEnded = question.end(given);
    if (isEnded) leave();
    return isEnded;
  };
  options.onWaiting(true);
}

/** @param send takes the line, or undefined to end the input */
function accept({ options }: Asking, answer: Answer, send: (line: string | undefined) => void): Accepted {
  switch (answer.kind) {
    case 'text': {
      const { text: line, isSecret = false } = answer;
      const problem = complainOfLine(line) ?? (isSecret ? hide(line, options.redactor) : undefined);
      if (problem !== undefined) return { ok: false, message: problem };
      return { ok: true, given: 'chosen', text: isSecret ? '' : line, send: () => send(line) };
    }
    case 'deny':
      return { ok: true, given: 'denied', text: answer.reason, send: () => send(undefined) };
    case 'allow':
    case 'allow_always':
    case 'choose':
    case 'continue':
    case 'end':
      return { ok: false, message: 'the command waits for a line: write a text, or deny it to end its input' };
  }
}

function complainOfLine(line: string): string | undefined {
  return /[\n\r\0]/.test(line) ? 'it is one line, without line ends' : undefined;
}

/** From here on it is hidden wherever it turns up: in what the command prints, and in every event. */
function hide(line: string, redactor: Redactor): string | undefined {
  if (line === '') return undefined;
  if (!redactor.enabled) return 'redaction is off, so a secret cannot be hidden; nothing is sent';
  const problem = redactor.addSecret('typed', line);
  return problem && 'a secret of fewer than 4 characters cannot be hidden; nothing is sent';
}

function onTimeout({ options, input, end }: Asking): void {
  if (end?.('timed_out') !== true) return;
  input.end();
  const { ask, stop } = options;
  if (ask.onTimeout === 'deny') return;
  const message = `nobody typed a line within ${formatSetDuration(ask.waitMs)} (\`ask\`)`;
  stop({ kind: 'failure', reason: 'unanswered', message }, 'a line of input was not typed in time');
}

function waits(state: StdinState, activity: Activity): boolean {
  switch (state) {
    case 'reads':
      return true;
    case 'works':
      return false;
    case 'polls':
    case 'unknown':
      return activity.kind === 'line' && activity.isOpen && activity.agoMs >= silenceMs;
  }
}

/** A script that prints its prompt as a line of its own has printed nothing since. */
function promptOf(activity: Activity): string {
  return activity.kind === 'line' ? activity.text : '';
}
