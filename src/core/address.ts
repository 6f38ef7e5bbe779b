// Addresses of servers with a login in them (`https://user:password@host/`): `fetch` refuses those, and no message may show
// the login. Pure.

export type PlainAddress = {
  /** Without user and password, so it may be asked and shown. */
  readonly address: URL;
  /** The login as HTTP has it (RFC 7617), to be sent with each request; none if the address has no login. */
  readonly headers: { readonly authorization?: string };
};

/** @param url an absolute address; throws a TypeError where it is none */
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

/** A `%` that stands for itself is how people write it; an address takes it, and so does the login. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
