// What can be wrong with a journal, as a reader reports it, and a log of that for readers whose caller shows it to people.

export type JournalProblem =
  /** Bytes that do not check out. Reading continued at the next place where a frame is known to begin. */
  | {
      readonly kind: 'corrupt';
      readonly file: string;
      /** In bytes of the uncompressed segment. */
      readonly offset: number;
      readonly reason: string;
    }
  /**
   * The journal ends in bytes that are not a record: one that is being written right now, that a crash cut short, or that is
   * damaged. Reported at the end of reading without following.
   */
  | { readonly kind: 'torn'; readonly file: string; readonly offset: number }
  /** Numbers from `fromSeq` to before `toSeq` are not there. */
  | {
      readonly kind: 'gap';
      readonly fromSeq: number;
      readonly toSeq: number;
      /**
       * `removed`: by retention, before this reader came. `lost`: they were never written (a `journal.lost` or
       * `journal.recovered` follows). `corrupt`: damaged, as reported just before.
       */
      readonly why: 'removed' | 'lost' | 'corrupt';
    }
  /** A record of a kind that a later minor version added; it was skipped. */
  | { readonly kind: 'unknown_record'; readonly seq: number };

/** One sentence for a person. */
export function problemText(problem: JournalProblem): string {
  switch (problem.kind) {
    case 'corrupt':
      return `${problem.file} is damaged at byte ${problem.offset}: ${problem.reason}.`;
    case 'torn':
      return `${problem.file} ends at byte ${problem.offset} in bytes that are not a whole record.`;
    case 'gap':
      return `Records ${problem.fromSeq} to ${problem.toSeq - 1} are missing (${problem.why}).`;
    case 'unknown_record':
      return `Record ${problem.seq} is of a kind that this stepspan does not know.`;
  }
}

/** What was found wrong while a journal was read, perhaps several times. */
export type ProblemLog = {
  readonly note: (problem: JournalProblem) => void;
  /** One sentence for each, and how many there are besides these. Empty if all records were read. */
  readonly sentences: () => readonly string[];
};

/** A disk that fails leaves hundreds of damaged places; nobody reads more sentences about them. */
const keptSentences = 20;

/** Of 100 bytes each; more of them are not counted. */
const keptTexts = 10_000;

export function createProblemLog(): ProblemLog {
  const texts = new Set<string>();
  return {
    note(problem) {
      if (isRecordMissing(problem) && texts.size < keptTexts) texts.add(problemText(problem));
    },
    sentences() {
      const more = texts.size - keptSentences;
      const shown = [...texts].slice(0, keptSentences);
      return more > 0 ? [...shown, `${more} more places of the journal cannot be read.`] : shown;
    },
  };
}

/**
 * Whether somebody misses a record. A torn end is a record that is being written, or is cut when the run is adopted; what was
 * never written has an event of its own, and what retention took is known from the first number.
 */
function isRecordMissing(problem: JournalProblem): boolean {
  switch (problem.kind) {
    case 'corrupt':
    case 'unknown_record':
      return true;
    case 'torn':
      return false;
    case 'gap':
      return problem.why === 'corrupt';
  }
}
