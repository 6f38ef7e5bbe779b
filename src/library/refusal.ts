// Why a run was not started: the vocabulary of everything that happens before its first record.
import type { Problem } from '../workflow/index.ts';

/** Nothing was executed and nothing written but an empty run folder at most. */
export type Refusal =
  /** The workflow is wrong, or names something that does not exist. */
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[]; readonly message: string }
  /** The surroundings: `path` names the file or folder, and `code` is that of the system (such as `EACCES`) or of the journal. */
  | { readonly kind: 'unusable'; readonly message: string; readonly path?: string; readonly code?: string }
  | { readonly kind: 'not_found'; readonly message: string }
  /**
   * The OTEL_* settings cannot be used, the run to continue leaves nothing to do or cannot be repeated as it was, or Claude Code
   * is too old or not logged in.
   */
  | { readonly kind: 'unsuited'; readonly message: string }
  /** Another run writes in the working folder. */
  | { readonly kind: 'locked'; readonly message: string };
