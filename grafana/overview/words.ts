// What several rows of the Overview say alike: empty states, and decimals.

export const noRuns = 'No run yet: stepspan run';
export const noneEnded = 'No run has ended in this time';
export const noClaude = 'No Claude step has ended in this time';
/** Decimals of what is counted. */
export const whole = 0;
