// The names in a folder that might not exist yet.
import { readdirSync } from 'node:fs';
import { errorCode } from '../core/errors.ts';

/** In no order; none if the folder does not exist. Throws what else the file system says. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
