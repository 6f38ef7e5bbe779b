// Whether a receiver has answered since somebody began to send to it. Called by the shipper and the notifier, which do not wait
// at the end of a run for one that nobody listens at. `unreachable`: every request so far failed to reach it.
export type Contact = 'none' | 'unreachable' | 'answered';
