// Which Host a request may name. A page in somebody's browser can have its own name point at this machine (DNS rebinding)
// and then reads whatever answers; it cannot make the browser send another Host than that name. Pure.

import { networkInterfaces } from 'node:os';

export type AllowedHosts = ReadonlySet<string>;

/** Addresses that stand for every address of this machine. */
export function isEveryAddress(host: string): boolean {
  return ['0.0.0.0', '::', '[::]'].includes(host);
}

/**
 * The addresses of this machine that other machines may reach it by, IPv4 first. Link-local ones are left out: they need a zone
 * in a URL. An address as Host is safe: a page whose own name points here sends that name.
 */
export function reachableAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const others = all.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address));
  const ofFamily = (wanted: 'IPv4' | 'IPv6') => others.filter(({ family }) => family === wanted);
  return [...ofFamily('IPv4'), ...ofFamily('IPv6')].map(({ address }) => address);
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/** Every spelling of an address of this machine alone that a server can listen on. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/**
 * The values of `Host` that are served: loopback names and the host that is listened on (each address of this machine, if it is
 * every address), with the port, and also without it if it is the default port of `http`. Further names may come alone or with a
 * port of their own, since the proxy that has such a name listens on another port.
 */
export function allowedHosts(host: string, port: number, further: readonly string[] = []): AllowedHosts {
  const addresses = isEveryAddress(host) ? reachableAddresses().map(inBrackets) : [];
  const own = [...loopbackNames, inBrackets(host), ...addresses].flatMap((name) => [
    `${name}:${port}`,
    ...(port === 80 ? [name] : []),
  ]);
  const named = further.flatMap((name) =>
    /^[^:]+:\d+$/.test(name) ? [name] : [`${inBrackets(name)}:${port}`, inBrackets(name)],
  );
  return new Set([...own, ...named].map((name) => name.toLowerCase()));
}

/** @param values every `Host` header of the request; more than one is how a proxy is led astray */
export function isAllowedHost(values: readonly string[] | undefined, allowed: AllowedHosts): boolean {
  const [only, ...others] = values ?? [];
  return only !== undefined && others.length === 0 && allowed.has(only.toLowerCase());
}

/** How a host is written in a URL: an IPv6 address in brackets. */
export function inBrackets(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
