import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receipt } from '../src/receipt.js';
import { splitBill } from '../src/split-bill.js';

const sum = (shares) => shares.reduce((total, share) => total + share, 0);

test('an even bill has even shares', () => {
  assert.deepEqual(splitBill(900, 3), [300, 300, 300]);
});

test('no cent is lost when a bill does not come out even', () => {
  assert.equal(sum(splitBill(1000, 3)), 1000);
});

test('shares differ by one cent at most', () => {
  const shares = splitBill(1001, 4);
  assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
});

test('a receipt names everybody', () => {
  assert.match(receipt(900, ['Ada', 'Grace', 'Edsger']), /^Ada pays 3.00\nGrace pays 3.00\nEdsger pays 3.00$/);
});
