// Which Node is old enough to be refused. Plain JavaScript that every Node parses, as it is read before anything is installed.

/** Node that `node scripts/setup.mjs` itself needs; it installs the one that everything else runs on. */
export const setupNode = '20.11.0';
/** The `engines` of package.json. */
export const runNode = '22.15.0';

/**
 * @param {string} version
 * @param {string} needed
 * @param {string} what subject and verb, such as `stepspan needs`
 * @returns {string | undefined} why this Node does not do, in one sentence; undefined if it does
 */
export function nodeProblem(version, needed, what) {
  const [have, want] = [version, needed].map((text) => text.split('.').map(Number));
  for (let i = 0; i < want.length; i++) {
    if (have[i] > want[i]) return undefined;
    if (have[i] < want[i])
      return `${what} Node ${needed} or newer, and this is ${version}: install a newer Node, for example from https://nodejs.org.`;
  }
  return undefined;
}
