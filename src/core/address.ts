// Addresses of servers with a login in them (`https://user:password@host/`): `fetch` refuses those, and no message may show
// the login. Pure.

export type PlainAddress = {
  /** Without user and password, so it can be requested and shown. */
  readonly address: URL;
  /** The login as a header of HTTP (RFC 7617), for each request; empty if the address has no login. */
  readonly headers: { readonly authorization?: string };
};

/** @param url an absolute address; throws a TypeError if it is not one */
export function withoutLogin(url: string | URL): PlainAddress {
  const address = new URL(url);
  const { username, password } = address;
  // A token as a password needs no user, and some services take it as the user without a password.
  if (username === '' && password === '') return { address, headers: {} };
  address.username = '';
  address.password = '';
  const login = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return { address, headers: { authorization: `Basic ${login}` } };
}

/** People write a plain `%` in passwords; an address accepts it, so the login does too. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
