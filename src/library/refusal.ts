// Why a run was not started: the vocabulary of everything that happens before its first record.
import type { Problem } from '../workflow/index.ts';

/** Nothing was executed and nothing written but an empty run folder at most. `code` is for programs, `message` for people. */
export type Refusal =
  /** The workflow is wrong, or names something that does not exist. */
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[]; readonly message: string }
  | Unusable
  | { readonly kind: 'not_found'; readonly code: 'no_run' | 'ambiguous_run'; readonly message: string }
  | Unsuited
  /** Another run works in the folder `path`, or the run to resume, in the folder `path`, is still active. */
  | Locked;

/** The machine is not ready: `path` names the file, folder or program. */
export type Unusable = {
  readonly kind: 'unusable';
  /** That of the system (such as `EACCES`), of the journal (such as `corrupt`), or one of these. */
  readonly code: 'claude_missing' | 'no_journal' | 'unreadable' | (string & {});
  readonly path: string;
  readonly message: string;
};

/** What was asked for cannot be done. */
export type Unsuited = {
  readonly kind: 'unsuited';
  readonly code:
    | 'otel_settings'
    /** Claude Code is too old or not logged in. */
    | 'claude_unsuited'
    | 'no_step'
    | 'nothing_left'
    /** The run was given secrets, which are not recorded. */
    | 'secrets_missing'
    /** The run was not started from a file. */
    | 'no_file'
    | 'params_kept'
    | 'labels'
    | 'budget'
    | 'archive';
  readonly message: string;
};

export type Locked = {
  readonly kind: 'locked';
  readonly code: 'folder_locked' | 'run_active';
  readonly path: string;
  readonly message: string;
};
