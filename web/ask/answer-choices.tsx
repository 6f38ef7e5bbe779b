// The options of the questions that Claude Code asks at once, and a text of one's own in place of them. Called by ask-cards.tsx.
import { useState } from 'preact/hooks';
import type { Choice } from '../../src/core/answer.ts';
import { showHidden } from '../../src/text/hidden.ts';

type Props = {
  readonly questions: readonly Choice[];
  readonly isDisabled: boolean;
  /** With the fields of an answer of the API. */
  readonly onAnswer: (body: object) => void;
};

export function AnswerChoices({ questions, isDisabled, onAnswer }: Props) {
  const [chosen, setChosen] = useState<readonly (readonly string[])[]>(questions.map(() => []));
  const [text, setText] = useState('');
  const choose = (index: number, label: string): void => {
    const before = chosen[index] ?? [];
    const others = before.filter((each) => each !== label);
    const isMultiple = questions[index]?.isMultiple === true;
    setChosen(chosen.with(index, isMultiple ? (before.includes(label) ? others : [...before, label]) : [label]));
  };
  const choices =
    questions.length === 1 ? (chosen[0] ?? []) : questions.map((question, index) => choiceOf(question, chosen[index]));
  const isChosen = chosen.every((labels) => labels.length > 0);
  return (
    <form
      class="ask-choices"
      onSubmit={(event) => {
        event.preventDefault();
        if (isDisabled) return;
        if (text.trim() !== '') onAnswer({ answer: 'text', text });
        else if (isChosen) onAnswer({ answer: 'choose', choices });
      }}
    >
      {questions.map(({ question, options, isMultiple }, index) => (
        <fieldset key={question}>
          <legend>{showHidden(question)}</legend>
          {options.map(({ label, description }) => (
            <label key={label}>
              <input
                type={isMultiple ? 'checkbox' : 'radio'}
                name={`choice-${index}`}
                checked={chosen[index]?.includes(label) === true}
                onChange={() => choose(index, label)}
              />
              <span>
                {showHidden(label)} <span class="muted">{showHidden(description)}</span>
              </span>
            </label>
          ))}
        </fieldset>
      ))}
      <div class="ask-answers">
        <input
          type="text"
          aria-label="Answer in your own words"
          placeholder="Or in your own words"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={isDisabled || (!isChosen && text.trim() === '')}>
          Answer
        </button>
      </div>
    </form>
  );
}

/** Of several questions each has one choice: a label, or the numbers of several. */
function choiceOf({ options, isMultiple }: Choice, labels: readonly string[] = []): string {
  if (!isMultiple) return labels[0] ?? '';
  return labels.map((label) => options.findIndex((option) => option.label === label) + 1).join(',');
}
