// What one check of `doctor` found, and how it is printed. Used by every check of this folder.
import type { Style } from '../terminal/style.ts';

export type Check = {
  /** What was checked, as a noun. */
  readonly what: string;
  readonly finding:
    | { readonly kind: 'good'; readonly detail: string }
    /** It works, but not as well as it could. */
    | { readonly kind: 'advice'; readonly detail: string; readonly remedy: string }
    | { readonly kind: 'bad'; readonly detail: string; readonly remedy: string }
    /** Not checked, because it was not asked for or could not work. */
    | { readonly kind: 'left_out'; readonly detail: string; readonly remedy: string };
};

export const good = (what: string, detail: string): Check => ({ what, finding: { kind: 'good', detail } });
export const bad = (what: string, detail: string, remedy: string): Check => ({
  what,
  finding: { kind: 'bad', detail, remedy },
});
export const advice = (what: string, detail: string, remedy: string): Check => ({
  what,
  finding: { kind: 'advice', detail, remedy },
});
export const leftOut = (what: string, detail: string, remedy: string): Check => ({
  what,
  finding: { kind: 'left_out', detail, remedy },
});

const words = { good: 'ok', advice: 'could be better', bad: 'not ok', left_out: 'not checked' } as const;

/** One line for the finding, and one for what to do. */
export function checkLines({ what, finding }: Check, style: Style): readonly string[] {
  const paint = { good: style.green, advice: style.yellow, bad: style.red, left_out: style.dim }[finding.kind];
  const line = `${paint(words[finding.kind].padEnd(15))} ${style.bold(what)}: ${finding.detail}`;
  return finding.kind === 'good' ? [line] : [line, `${''.padEnd(15)} ${finding.remedy}`];
}
