// Which user of this machine is at the other end of a connection, as the kernel says. Linux only: elsewhere nobody is known.
import { readFileSync } from 'node:fs';
import { isIPv4, type Socket } from 'node:net';
import { endianness } from 'node:os';

/** Every TCP socket of this network namespace with its owner, proc(5). */
const tables = ['/proc/net/tcp', '/proc/net/tcp6'];

/** @returns the user id; undefined if the other end is not on this machine, or cannot be found */
export function userOfPeer({ remoteAddress, remotePort, localPort }: Socket): number | undefined {
  if (remoteAddress === undefined || remotePort === undefined || localPort === undefined) return undefined;
  const address = remoteAddress.replace(/^::ffff:/i, '');
  // A client may reach an IPv4 address through an IPv6 socket, which is then in the other table, with a prefix.
  const bare = isIPv4(address) ? hexOfIPv4(address) : hexOfIPv6(address);
  const wanted = [`${bare}:${hexPort(remotePort)}`, `${mappedPrefix}${bare}:${hexPort(remotePort)}`];
  for (const table of tables) {
    for (const line of linesOf(table)) {
      const [, from = '', to = '', , , , , uid = ''] = line.trim().split(/\s+/);
      // Its own row, in which what is far to us is near.
      if (wanted.includes(from) && to.endsWith(`:${hexPort(localPort)}`)) return Number(uid);
    }
  }
  return undefined;
}

/** Words of four bytes are written as the machine's numbers. */
const isLittle = endianness() === 'LE';
const mappedPrefix = `0000000000000000${isLittle ? 'FFFF0000' : '0000FFFF'}`;

function hexOfIPv4(address: string): string {
  return hexOfWords(address.split('.').map(Number));
}

function hexOfIPv6(address: string): string {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::', 2);
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const all = [...first, ...Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
  return hexOfWords(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function hexOfWords(bytes: readonly number[]): string {
  const words = Array.from({ length: bytes.length / 4 }, (_each, at) => bytes.slice(at * 4, at * 4 + 4));
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0').toUpperCase();
  return words.map((word) => (isLittle ? word.reverse() : word).map(hex).join('')).join('');
}

function hexPort(port: number): string {
  return port.toString(16).padStart(4, '0').toUpperCase();
}

function linesOf(table: string): readonly string[] {
  try {
    return readFileSync(table, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}
