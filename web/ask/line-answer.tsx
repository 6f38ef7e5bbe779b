// The line that a command waits for, typed by a person; one that is secret is not shown and kept nowhere. Called by ask-cards.tsx.
import { useState } from 'preact/hooks';

type Props = {
  readonly isDisabled: boolean;
  /** With the fields of an answer of the API. */
  readonly onAnswer: (body: object) => void;
};

export function LineAnswer({ isDisabled, onAnswer }: Props) {
  const [text, setText] = useState('');
  const [isSecret, setIsSecret] = useState(false);
  const field = {
    autocomplete: 'off',
    'aria-label': 'Line to send',
    placeholder: 'Line to send',
    value: text,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => setText(event.currentTarget.value),
  } as const;
  return (
    <form
      class="ask-answers"
      onSubmit={(event) => {
        event.preventDefault();
        if (isDisabled) return;
        onAnswer({ answer: 'text', text, ...(isSecret ? { secret: true } : {}) });
        if (isSecret) setText('');
      }}
    >
      {isSecret ? <input type="password" {...field} /> : <input type="text" {...field} />}
      <label class="ask-secret">
        <input type="checkbox" checked={isSecret} onChange={(event) => setIsSecret(event.currentTarget.checked)} />
        Secret
      </label>
      <button type="submit" class="primary" disabled={isDisabled}>
        Send
      </button>
    </form>
  );
}
