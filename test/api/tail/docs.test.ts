// docs/tail-protocol.md names the path and the subprotocol of the code. Its tables are made from the schemas (openapi.test.ts).
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { subprotocol, tailPath } from '../../../src/api/tail/protocol.ts';

test('the path and the subprotocol are those of the code', () => {
  const page = readFileSync(new URL('../../../docs/tail-protocol.md', import.meta.url), 'utf8');
  expect(page).toContain(tailPath);
  expect(page).toContain(subprotocol);
});
