// Why a run was not started: the vocabulary of everything that happens before its first record.
import type { Problem } from '../workflow/index.ts';

/** Nothing was executed and nothing written but an empty run folder at most. */
export type Refusal =
  /** The workflow is wrong, or names what is not there. */
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[]; readonly message: string }
  | { readonly kind: 'unusable'; readonly message: string }
  | { readonly kind: 'not_found'; readonly message: string }
  /**
   * The OTEL_* settings cannot be used, the run to continue leaves nothing to do or cannot be repeated as it was, or Claude Code
   * is too old or not logged in.
   */
  | { readonly kind: 'unsuited'; readonly message: string }
  /** Another run writes in the working folder. */
  | { readonly kind: 'locked'; readonly message: string };
