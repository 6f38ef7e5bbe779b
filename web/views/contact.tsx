// One line while the server of the page does not answer: who is silent, since when, and what that means. Called by run.tsx and fleet.tsx.
import { formatElapsed } from '../../src/core/duration.ts';
import { app } from '../app-state.ts';
import { contactText, type LostContact } from '../model/contact.ts';
import { timeOfDay } from '../model/format.ts';
import { useNow, useStore } from '../store.ts';

/** @param props.isEnded whether the run that is shown has ended; left out if none is shown */
export function Contact({ lost, isEnded }: { lost: LostContact; isEnded?: boolean }) {
  const { sinceMs, isStopped } = lost;
  const nowMs = useNow(true);
  const servedBy = useStore(app, ({ session }) => (session.kind === 'signed_in' ? session.session.servedBy : 'hub'));
  const { fact, advice } = contactText({ servedBy, isStopped, isEnded, since: timeOfDay(sinceMs) });
  return (
    <p class={`banner ${isEnded === true ? '' : 'bad'}`} role="status">
      {fact}
      {isEnded !== true && (
        // Not for screen readers, which would read it each second.
        <span class="tabular" aria-hidden="true">
          {` (${formatElapsed(nowMs - sinceMs)} ago)`}
        </span>
      )}
      {advice}
    </p>
  );
}
