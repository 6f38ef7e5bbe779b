// An address with a login, taken apart into what may be asked and shown and what is sent in a header.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutLogin } from '../../src/core/address.ts';

function loginOf(url: string): string | undefined {
  const { authorization } = withoutLogin(url).headers;
  return authorization && Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString('utf8');
}

test('an address without a login stays as it is, and nothing is sent with it', () => {
  const { address, headers } = withoutLogin('https://loki.example.org/tenant/a?b=c');
  expect(address.href).toBe('https://loki.example.org/tenant/a?b=c');
  expect(headers).toEqual({});
});

test('user and password leave the address for the header, and so does either alone', () => {
  expect(withoutLogin('http://ann:pa%40ss@host:9093/x').address.href).toBe('http://host:9093/x');
  expect(loginOf('http://ann:pa%40ss@host/')).toBe('ann:pa@ss');
  expect(loginOf('http://token@host/')).toBe('token:');
  expect(loginOf('http://:token@host/')).toBe(':token');
  expect(withoutLogin('http://:token@host/').address.href).toBe('http://host/');
});

test('a percent sign that stands for itself is sent as it was written', () => {
  expect(loginOf('http://ann:100%25@host/')).toBe('ann:100%');
  expect(loginOf('http://ann:100%@host/')).toBe('ann:100%');
});

test('any login comes out as it went in', () => {
  const words = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(
    fc.property(words, words, (user, password) => {
      const url = `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@host/`;
      expect(loginOf(url)).toBe(`${user}:${password}`);
    }),
  );
});
