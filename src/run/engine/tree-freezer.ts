// Freezes and thaws the tree of one child, one after the other, so that a thaw that follows at once finds what it must continue,
// and a child that starts while its run is frozen is frozen too. Warns of connections that do not outlive a long pause.
import { openConnections, type StartedProcess } from '../process/index.ts';

export type TreeFreezer = {
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** To be called when the child has started. */
  readonly apply: () => void;
};

/** So many addresses are named; more would not fit a line. */
const namedConnections = 3;

/** @param warn takes one line for people */
export function createTreeFreezer(
  child: () => Pick<StartedProcess, 'freeze' | 'thaw' | 'tree'> | undefined,
  warn: (text: string) => void,
): TreeFreezer {
  let wanted = false;
  let isFrozen = false;
  let work: Promise<void> = Promise.resolve();

  async function converge(): Promise<void> {
    const process = child();
    if (process === undefined || wanted === isFrozen) return;
    isFrozen = wanted;
    if (!wanted) return process.thaw();
    await process.freeze();
    const remotes = openConnections((await process.tree.look()).map(({ pid }) => pid)).map(({ remote }) => remote);
    if (remotes.length > 0) warn(warningOf([...new Set(remotes)]));
  }
  const apply = (): void => {
    // A process that cannot be signalled is gone.
    work = work.then(converge).catch(() => undefined);
  };
  const want = (frozen: boolean) => (): void => {
    wanted = frozen;
    apply();
  };
  return { freeze: want(true), thaw: want(false), apply };
}

function warningOf(remotes: readonly string[]): string {
  const named = remotes.slice(0, namedConnections).join(', ');
  const more = remotes.length > namedConnections ? ` and ${remotes.length - namedConnections} more` : '';
  return `frozen with open network connections (${named}${more}); the other side may close them before the run continues`;
}
