// Which calls of a process a sweep kills at: every one in every way if time allows, else as many as fit, spread over all.
import type { FaultContext } from './fault.ts';
import type { Injected, StartOptions } from './sandbox.ts';

export type KillPoint = {
  /** Where it is killed, in words. */
  readonly place: string;
  /** How it is started so that it is killed there. */
  readonly options: StartOptions;
};

/** @param limits how many points at most; fewer calls than that are swept again, as timing differs each time */
export function killPoints(
  calls: { readonly main: number; readonly worker: number },
  { scale, random }: FaultContext,
  limits: { readonly short: number; readonly full: number },
): readonly KillPoint[] {
  const all = (['main', 'worker'] as const).flatMap((thread) =>
    Array.from({ length: calls[thread] }, (_, call) =>
      (['before', 'torn', 'after'] as const).map((mode) => pointAt({ thread, at: call + 1, mode })),
    ).flat(),
  );
  const wanted = limits[scale];
  const offset = random.next();
  return Array.from(
    { length: wanted },
    (_, index) => all[Math.floor((index + offset) * (all.length / wanted)) % all.length]!,
  );
}

function pointAt(inject: Injected): KillPoint {
  return { place: `${inject.mode} call ${inject.at} of the ${inject.thread} thread`, options: { inject } };
}
