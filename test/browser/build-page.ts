// Builds the page before the browser tests, so that they never see an old one.
import path from 'node:path';
import { build } from 'vite';

export default async function buildPage(): Promise<void> {
  const folder = path.resolve(import.meta.dirname, '../../web');
  await build({ configFile: path.join(folder, 'vite.config.ts'), logLevel: 'warn' });
}
