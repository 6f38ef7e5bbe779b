// What a run asks, below its header: the whole command, change, question, plan or approval of a step, and the buttons that answer it. The
// first answer wins, from wherever it comes. Called by views/run.tsx.
import { useEffect, useState } from 'preact/hooks';
import type { QuestionsAnswer } from '../../src/api/schema/answers.ts';
import { type QuestionPart, questionParts } from '../../src/conversation/index.ts';
import { choicesIn } from '../../src/core/answer.ts';
import { formatElapsed } from '../../src/core/duration.ts';
import { endOfWait } from '../../src/core/question-event.ts';
import { showHidden } from '../../src/text/hidden.ts';
import { getJson } from '../api/http.ts';
import type { Run, Step } from '../model/run.ts';
import { steer } from '../views/steer.ts';
import { AnswerChoices } from './answer-choices.tsx';
import { LineAnswer } from './line-answer.tsx';

type Question = Step['questions'][number];
type Whole = QuestionsAnswer['questions'][number];

export function AskCards({ run, control, nowMs }: { run: Run; control: boolean; nowMs: number }) {
  const open = run.steps.flatMap((step) => step.questions.map((question) => ({ step, question })));
  const ids = open.map(({ question }) => question.questionId).join(' ');
  const whole = useWholeQuestions(run.runId, ids);
  if (open.length === 0) return null;
  return (
    <div class="asks" role="region" aria-label="Questions to you">
      {open.map(({ step, question }) => (
        <AskCard
          key={question.questionId}
          {...{ run, step, question, control, nowMs }}
          whole={whole.get(question.questionId)}
        />
      ))}
    </div>
  );
}

/** By their ids. The state of a run has one line of each. */
function useWholeQuestions(runId: string, ids: string): ReadonlyMap<string, Whole> {
  const [found, setFound] = useState<ReadonlyMap<string, Whole>>(new Map());
  useEffect(() => {
    if (ids === '') return;
    const abort = new AbortController();
    void getJson<QuestionsAnswer>(`/runs/${runId}/questions`, abort.signal).then((answer) => {
      if (!answer.ok || abort.signal.aborted) return;
      setFound(new Map(answer.value.questions.map((question) => [question.questionId, question])));
    });
    return () => abort.abort();
  }, [runId, ids]);
  return found;
}

type CardProps = {
  readonly run: Run;
  readonly step: Step;
  readonly question: Question;
  readonly whole: Whole | undefined;
  readonly control: boolean;
  readonly nowMs: number;
};

function AskCard({ run, step, question, whole, control, nowMs }: CardProps) {
  const { kind, tool, since, until, suggestions, questionId } = question;
  const waited = formatElapsed(Math.max(0, nowMs - Date.parse(since)));
  const left = formatElapsed(Math.max(0, Date.parse(until) - nowMs));
  const titleId = `ask-${questionId}`;
  return (
    <section class="ask card" aria-labelledby={titleId}>
      <header>
        <strong
          id={titleId}
        >{`${step.name} ${titles[kind]}${kind === 'permission' ? ` ${showHidden(tool)}` : ''}`}</strong>
        <span class="muted tabular">
          for {waited}; {endOfWait(question)} in {left}
        </span>
      </header>
      {whole === undefined ? <p class="muted">Loading what it asks…</p> : <Asked whole={whole} />}
      {suggestions.length > 0 && (
        <p class="muted">
          Always allowing it allows <code>{showHidden(suggestions.join(', '))}</code> until the session ends.
        </p>
      )}
      {control && kind === 'interrupted' ? (
        <HowToContinue run={run} questionId={questionId} />
      ) : control ? (
        <Answers run={run} question={question} whole={whole} />
      ) : (
        <p class="muted">This browser can look, and not answer.</p>
      )}
    </section>
  );
}

const titles: Readonly<Record<Question['kind'], string>> = {
  permission: 'waits for permission for',
  question: 'asks a question',
  plan: 'waits for approval of its plan',
  approval: 'waits for approval',
  input: 'waits for a line of input',
  interrupted: 'is interrupted: how does it continue?',
};

function Asked({ whole }: { whole: Whole }) {
  if (whole.kind === 'question' || whole.kind === 'interrupted') return null;
  return (
    <>
      {whole.isCut && <p class="bad">It is too long to be shown as a whole, so it can only be denied.</p>}
      <dl class="ask-parts">
        {questionParts(whole.tool, whole.input).map((part) => (
          <Part key={part.name} part={part} />
        ))}
      </dl>
    </>
  );
}

function Part({ part: { name, lines } }: { part: QuestionPart }) {
  return (
    <>
      <dt>{name}</dt>
      {/* It scrolls by itself, and has to be reached by keys for that. */}
      <dd tabIndex={0}>
        {lines.map(({ sign, text }, index) => (
          <div key={index} class={signClasses[sign]}>
            {sign}
            {text === '' ? ' ' : text}
          </div>
        ))}
      </dd>
    </>
  );
}

const signClasses: Readonly<Record<QuestionPart['lines'][number]['sign'], string>> = {
  '': '',
  ' ': '',
  '+': 'added',
  '-': 'removed',
};

const reasonTexts: Readonly<Record<Question['kind'], string>> = {
  permission: 'Why not, for Claude',
  question: 'Why not, for Claude',
  plan: 'What to change',
  interrupted: '',
  approval: 'Why not',
  input: 'Why it gets no line',
};

/** A click that was meant for a question that has just been answered must not answer the next one. */
const armedAfterMs = 600;

function useAnswer(run: Run, questionId: string, isShown: boolean) {
  const [isArmed, setIsArmed] = useState(false);
  const [isSent, setIsSent] = useState(false);
  useEffect(() => {
    if (!isShown) return;
    const timer = setTimeout(() => setIsArmed(true), armedAfterMs);
    return () => clearTimeout(timer);
  }, [isShown]);
  const send = async (body: object): Promise<void> => {
    setIsSent(true);
    // One that was refused for what it says can be given again; one that came too late goes away with its card.
    if ((await steer(run, 'answer', { questionId, ...body })) === undefined) setIsSent(false);
  };
  return { send, isDisabled: !isArmed || isSent };
}

/** After an interrupt. */
function HowToContinue({ run, questionId }: { run: Run; questionId: string }) {
  const { send, isDisabled } = useAnswer(run, questionId, true);
  const [text, setText] = useState('');
  return (
    <form
      class="ask-answers"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isDisabled && text.trim() !== '') void send({ answer: 'text', text });
      }}
    >
      <button type="button" class="primary" disabled={isDisabled} onClick={() => void send({ answer: 'continue' })}>
        Continue
      </button>
      <input
        type="text"
        aria-label="Message with which it continues"
        placeholder="Or with a message"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" disabled={isDisabled || text.trim() === ''}>
        Send
      </button>
      <button
        type="button"
        class="danger"
        disabled={isDisabled}
        onClick={() => void send({ answer: 'end', reason: text })}
      >
        End the step
      </button>
    </form>
  );
}

function Answers({ run, question, whole }: Pick<CardProps, 'run' | 'question' | 'whole'>) {
  const { questionId, answers, kind } = question;
  const { send, isDisabled } = useAnswer(run, questionId, whole !== undefined);
  const [reason, setReason] = useState('');
  return (
    <>
      {kind === 'input' && <LineAnswer isDisabled={isDisabled} onAnswer={(body) => void send(body)} />}
      {whole?.kind === 'question' && (
        <AnswerChoices
          questions={choicesIn(whole.input)}
          isDisabled={isDisabled}
          onAnswer={(body) => void send(body)}
        />
      )}
      <form
        class="ask-answers"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isDisabled) void send({ answer: 'deny', reason });
        }}
      >
        {answers.includes('allow') && (
          <button type="button" class="primary" disabled={isDisabled} onClick={() => void send({ answer: 'allow' })}>
            {kind === 'plan' || kind === 'approval' ? 'Approve' : 'Allow'}
          </button>
        )}
        {answers.includes('allow_always') && (
          <button type="button" disabled={isDisabled} onClick={() => void send({ answer: 'allow_always' })}>
            Always allow
          </button>
        )}
        <input
          type="text"
          aria-label="Reason for denying it"
          placeholder={reasonTexts[kind]}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
        <button type="submit" class="danger" disabled={isDisabled}>
          {kind === 'input' ? 'End its input' : 'Deny'}
        </button>
      </form>
    </>
  );
}
