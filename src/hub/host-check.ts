// Which Host a request may name. A page in somebody's browser can have its own name point at this machine (DNS rebinding)
// and then reads whatever answers; it cannot make the browser send another Host than that name. Pure.

export type AllowedHosts = ReadonlySet<string>;

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/** Every spelling of an address of this machine alone that a server may be told to listen on. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/**
 * The values of `Host` that are served: loopback names and the host that is listened on, each with the port, and without it
 * where it is the one that `http` stands for. Names that were named may also stand alone or with a port of their own, since
 * the proxy in front that has such a name listens on another port.
 */
export function allowedHosts(host: string, port: number, further: readonly string[] = []): AllowedHosts {
  const own = [...loopbackNames, inBrackets(host)].flatMap((name) => [
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

/** How a host stands in a URL: an IPv6 address in brackets. */
export function inBrackets(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
