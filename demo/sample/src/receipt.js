// The text of a receipt: what everybody has to pay.
import { splitBill } from './split-bill.js';

export function receipt(cents, names) {
  const shares = splitBill(cents, names.length);
  return names.map((name, index) => `${name} pays ${formatCents(shares[index])}`).join('\n');
}

export function formatCents(cents) {
  return `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}
