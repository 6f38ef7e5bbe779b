// Whether a receiver has answered since the first request to it. Used by the shipper and the notifier: at the end of a run they do
// not wait for an address without a listener. `unreachable`: every request so far failed to reach it.
export type Contact = 'none' | 'unreachable' | 'answered';
