// A real SMTP server on a free port that keeps the mails it is sent, parsed.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface Mailbox {
  /** host:port, for smtp_smarthost. */
  readonly smarthost: string;
  /** In the order in which they came. */
  readonly mails: readonly ParsedMail[];
  /** The name and password that the last client gave. */
  readonly credentials: () => string | undefined;
  close(): Promise<void>;
}

/** @param auth whether a name and a password are asked for; any are taken */
export async function startMailbox({ auth = false } = {}): Promise<Mailbox> {
  const mails: ParsedMail[] = [];
  let credentials: string | undefined;
  const server = new SMTPServer({
    authOptional: !auth,
    // Without TLS, Alertmanager sends a password only to localhost.
    disabledCommands: ['STARTTLS'],
    onAuth({ username, password }, _session, callback) {
      credentials = `${username}:${password}`;
      callback(null, { user: username ?? '' });
    },
    onData(stream, _session, callback) {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        callback();
      }, callback);
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    smarthost: `127.0.0.1:${port}`,
    mails,
    credentials: () => credentials,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
