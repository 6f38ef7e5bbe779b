// Shown if the server does not know this browser: takes the link that it printed, or the code in it.
import { useState } from 'preact/hooks';
import { signIn } from '../app-state.ts';

export function Login({ message }: { message: string }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    await signIn(text);
    setBusy(false);
  };
  return (
    <form class="login card" onSubmit={(event) => void submit(event)}>
      <h1>Open with a link</h1>
      <p>
        <code>stepspan link</code> prints a link that opens this page, and so do <code>stepspan serve</code> and{' '}
        <code>stepspan run</code> when they start. It works once, for five minutes. Paste it here.
      </p>
      <label for="code">Link or code</label>
      <input
        id="code"
        autoComplete="off"
        spellcheck={false}
        value={text}
        aria-describedby={message === '' ? undefined : 'login-message'}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p id="login-message" class="bad" role="alert">
        {message}
      </p>
      <button type="submit" class="primary" disabled={busy || text.trim() === ''}>
        Open
      </button>
    </form>
  );
}
