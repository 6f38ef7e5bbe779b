// A workflow made in code to a tree. Its problems name a path where those of a file name a line.
import { type Path, type Place, type Problem, pathText } from '../problem.ts';
import { isMapping, kindText, type Reading, valueAt } from './tree.ts';
import { maxDepth, maxValues } from './yaml-tree.ts';

/** Copies a plain object, so that a later change of it by its owner does not reach the workflow. */
export function readObject(given: unknown): Reading {
  const problems: Problem[] = [];
  const open = new Set<object>();
  let values = 0;
  const report = (path: Path, message: string, fix: string): null => {
    problems.push({ ...placeOf(path), message, fix });
    return null;
  };
  const copy = (value: unknown, path: Path): unknown => {
    values += 1;
    if (values === maxValues + 1) return report(path, `the workflow has more than ${maxValues} values`, 'split it');
    if (values > maxValues) return null;
    if (path.length > maxDepth) return report(path, `nested more than ${maxDepth} levels deep`, 'make it flatter');
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      return Number.isFinite(value) ? value : report(path, `${value} is not allowed here`, 'give a finite number');
    }
    if (typeof value !== 'object')
      return report(path, `${kindText(value)} is not allowed here`, 'give plain data, as JSON can hold it');
    if (open.has(value)) return report(path, 'the value contains itself', 'give plain data, as JSON can hold it');
    open.add(value);
    const copied = Array.isArray(value)
      ? value.map((item, index) => copy(item, [...path, index]))
      : copyMapping(value, path);
    open.delete(value);
    return copied;
  };
  const copyMapping = (value: object, path: Path): unknown => {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      return report(path, 'an object of a class is not allowed here', 'give plain data, as JSON can hold it');
    }
    const entries = Object.entries(value).filter(([key, item]) => item !== undefined && key !== '__proto__');
    return Object.fromEntries(entries.map(([key, item]) => [key, copy(item, [...path, key])]));
  };
  const value = copy(given, []);
  if (problems.length > 0 && !isMapping(value)) return { ok: false, problems };
  const writtenAt = (path: Path) => String(valueAt(value, path) ?? '');
  return { ok: true, tree: { value, placeOf, placeOfKey: placeOf, writtenAt }, problems };
}

function placeOf(path: Path): Place {
  return { file: '', line: 0, column: 0, path: pathText(path) };
}
