// Whether the demo opens the live page by itself: where somebody sits who will see it. Pure.
import { noBrowser } from '../src/cli/open-browser.ts';

export type Around = {
  /** `--open` or `--no-open`; undefined if neither was given. */
  readonly asked: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person reads what is printed. */
  readonly isTerminal: boolean;
};

export function opensPage({ asked, env, isTerminal }: Around): boolean {
  if (asked !== undefined) return asked;
  return isTerminal && !env.CI && noBrowser(env) === undefined;
}
