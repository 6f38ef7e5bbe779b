// What is in a folder that may not be there yet. Knows no names.
import { readdirSync } from 'node:fs';

/** In no order; none where there is no such folder. Throws what else the file system says. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
