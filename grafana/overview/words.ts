// What several rows of the Overview say alike: empty states, and decimals.

/** Without the hub nothing is known: not that nothing runs. */
export const noHub = 'No hub is scraped';
export const noneEnded = 'No run ended in this time';
export const noClaude = 'No Claude step ended in this time';
/** Decimals of what is counted. */
export const whole = 0;
