// Below the conversation of a Claude step that runs: a message to it, and the button that interrupts its turn. Called by
// views/conversation.tsx.
import { useState } from 'preact/hooks';
import type { Run, Step } from '../model/run.ts';
import { steer } from '../views/steer.ts';

/** Claude Code without `ask` is started without the channel on which messages come; the command says so. */
export function takesMessages({ attempts }: Step): boolean {
  return attempts.at(-1)?.command.includes('--permission-prompt-tool stdio') === true;
}

export function MessageBox({ run, step }: { run: Run; step: Step }) {
  const [text, setText] = useState('');
  const [isSending, setIsSending] = useState(false);
  const send = async (): Promise<void> => {
    setIsSending(true);
    // A message that was refused can be sent again.
    if ((await steer(run, 'tell', { step: step.id, text })) !== undefined) setText('');
    setIsSending(false);
  };
  const isInterrupted = step.questions.some(({ kind }) => kind === 'interrupted');
  return (
    <form
      class="message-box"
      aria-label={`Steer ${step.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== '' && !isSending) void send();
      }}
    >
      <input
        type="text"
        aria-label={`Message to ${step.name}`}
        placeholder="A message to Claude"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="primary" disabled={isSending || text.trim() === ''}>
        Send
      </button>
      <button
        type="button"
        disabled={isInterrupted}
        onClick={() => void steer(run, 'interrupt', { step: step.id })}
        title="End its turn, keep its session, and choose how it continues"
      >
        Interrupt
      </button>
    </form>
  );
}
