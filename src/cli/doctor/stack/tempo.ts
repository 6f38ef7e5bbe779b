// Tempo from outside: whether it is ready. delivery.ts checks that a trace arrives there.
import { type Check, good } from '../check.ts';
import { ask, notReady, shown } from './ask.ts';

const what = 'Tempo';

export async function checkTempo(url: string): Promise<readonly Check[]> {
  return [notReady(what, url, 'tempo', await ask(url, 'ready')) ?? good(what, `${shown(url)} is ready`)];
}
