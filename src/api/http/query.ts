// Reads the parameters of a request: what is not one of them, is given twice or has no meaning is told, never guessed at.
import type { Request } from 'express';
import { ApiProblem } from './problem.ts';

export type Query = {
  /** Undefined where it is not given. */
  readonly text: (name: string, maxLength?: number) => string | undefined;
  readonly count: (name: string, bounds: { readonly min: number; readonly max: number }) => number | undefined;
  /** May be given more than once, or as one text with commas. */
  readonly list: <T extends string>(name: string, allowed?: readonly T[]) => readonly T[] | undefined;
  readonly flag: (name: string) => boolean;
};

/** Longer than any id and any search that a person types. */
const maxTextLength = 1_000;

/** A workflow has fewer steps than this. */
const maxListLength = 200;

/** @param names every parameter that this route knows */
export function queryOf(request: Request, names: readonly string[]): Query {
  const params = new URLSearchParams(request.url.split('?').slice(1).join('?'));
  for (const name of params.keys()) {
    if (!names.includes(name)) {
      throw bad(
        `there is no parameter \`${name}\` here`,
        names.length === 0 ? 'Give none.' : `Known are: ${names.join(', ')}.`,
      );
    }
  }
  const text = (name: string, maxLength = maxTextLength): string | undefined => {
    const [value, ...others] = params.getAll(name);
    if (others.length > 0) throw bad(`\`${name}\` is given twice`, 'Give it once.');
    if (value !== undefined && value.length > maxLength) {
      throw bad(`\`${name}\` is longer than ${maxLength} characters`, 'Write less.');
    }
    return value === '' ? undefined : value;
  };
  return {
    text,
    count(name, { min, max }) {
      const value = text(name, 20);
      if (value === undefined) return undefined;
      const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= min && number <= max)) {
        throw bad(`\`${name}\` is no whole number from ${min} to ${max}`, `Write for example ${name}=${min}.`);
      }
      return number;
    },
    list<T extends string>(name: string, allowed?: readonly T[]) {
      const values = params.getAll(name).flatMap((value) => value.split(','));
      const given = values.filter((value) => value !== '') as T[];
      if (given.length > maxListLength || given.some((value) => value.length > maxTextLength)) {
        throw bad(`\`${name}\` has more values than ${maxListLength}, or too long ones`, 'Give fewer.');
      }
      const wrong = given.find((value) => allowed !== undefined && !allowed.includes(value));
      if (wrong !== undefined) throw bad(`\`${name}\` has no value \`${wrong}\``, `Known are: ${allowed?.join(', ')}.`);
      return given.length === 0 ? undefined : given;
    },
    flag(name) {
      const value = text(name, 10);
      if (value === undefined || /^(0|false)$/.test(value)) return false;
      if (/^(1|true)$/.test(value)) return true;
      throw bad(`\`${name}\` is neither true nor false`, `Write ${name}=true.`);
    },
  };
}

export function bad(message: string, fix: string): ApiProblem {
  return new ApiProblem(400, 'bad_request', `${message[0]?.toUpperCase()}${message.slice(1)}.`, fix);
}
