// Reading numbers from the command line, for commander.
import { InvalidArgumentError } from 'commander';

/** A whole number from 0. */
export function parseCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number from 0.');
}
