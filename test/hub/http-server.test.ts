// Who is answered, with what, and that no header makes the server fall.
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startHub } from '../../src/hub/index.ts';
import { readScrape } from '../readers/measure/scraped.ts';
import { ask, beginRun, endRun, hubOf, scrape, tempData } from './hub-rig.ts';

/** What the server says to these bytes before it closes, '' if nothing. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  // A server that refuses early may reset the connection before it has read all of it.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.end(bytes);
  await closed;
  return answer;
}

describe('the Host header', () => {
  test('must be a name of this machine with the port, once', async () => {
    const { url, port } = await hubOf(tempData());
    const status = async (host: string | string[]) => (await ask(url, '/healthz', { host })).status;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
      expect(await status(host), host).toBe(200);
    }
    const wrong = [
      'evil.example',
      `evil.example:${port}`,
      `127.0.0.1:${port + 1}`,
      '127.0.0.1',
      `localhost.evil:${port}`,
    ];
    for (const host of [...wrong, `127.0.0.1:${port}@evil`, ' ', `127.0.0.1:${port}, evil`]) {
      expect(await status(host), host).toBe(403);
    }
    for (const path of ['/', '/metrics', '/nothing']) expect((await ask(url, path, { host: 'evil' })).status).toBe(403);
    expect(
      await raw(port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nHost: evil\r\nConnection: close\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(await raw(port, 'GET /metrics HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('may be one that was named, and none that was not', async () => {
    const hub = await hubOf(tempData(), { hostNames: ['build-7.example.com'] });
    expect((await ask(hub.url, '/healthz', { host: `build-7.example.com:${hub.port}` })).status).toBe(200);
    expect((await ask(hub.url, '/healthz', { host: `build-8.example.com:${hub.port}` })).status).toBe(403);
  });
});

describe('malformed requests', () => {
  test('are refused and leave the server as it was', async () => {
    const { url, port } = await hubOf(tempData());
    const host = `Host: 127.0.0.1:${port}\r\nConnection: close\r\n`;
    const bad = [
      '\0\0\0\r\n\r\n',
      'GET\r\n\r\n',
      `GET / HTTP/9.9\r\n${host}\r\n`,
      `GET /%E0%A4%A HTTP/1.1\r\n${host}\r\n`,
      `GET //evil/../..%2f HTTP/1.1\r\n${host}\r\n`,
      `GET http:// HTTP/1.1\r\n${host}\r\n`,
      `GET * HTTP/1.1\r\n${host}\r\n`,
      `GET / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`,
      `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(100_000)}\r\n\r\n`,
      `GET /metrics HTTP/1.1\r\n${host}Accept: ;;q=,,\x01\r\n\r\n`,
      `CONNECT evil:80 HTTP/1.1\r\n${host}\r\n`,
      `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    ];
    for (const bytes of bad) {
      const answer = await raw(port, bytes);
      expect(answer, bytes).not.toMatch(/^HTTP\/1\.1 5/);
    }
    expect((await ask(url, '/healthz')).status).toBe(200);
  });

  test('of other methods and paths are refused', async () => {
    const { url } = await hubOf(tempData());
    const posted = await ask(url, '/metrics', {}, 'POST');
    expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect((await ask(url, '/nothing')).status).toBe(404);
    const head = await ask(url, '/metrics', {}, 'HEAD');
    expect([head.status, head.body]).toEqual([200, '']);
  });
});

describe('the answers', () => {
  test('say what this is, in plain text, and whether it runs', async () => {
    const data = tempData();
    const { url } = await hubOf(data);
    const about = await ask(url, '/');
    expect(about.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(about.body).toContain(`stepspan 9.9.9, the hub of ${data.root}`);
    expect(about.body).toContain(`${url}/metrics`);
    expect(JSON.parse((await ask(url, '/healthz')).body)).toEqual({
      status: 'ok',
      version: '9.9.9',
      pid: process.pid,
      activeRuns: 0,
    });
    expect(about.headers).not.toHaveProperty('x-powered-by');
  });

  test('of /metrics are OpenMetrics with exemplars when that is asked for, else text', async () => {
    const data = tempData();
    const run = beginRun(data);
    await endRun(run);
    const { url } = await hubOf(data);
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    while ((await scrape(url)).sum('stepspan_runs_total') === 0);
    const open = await ask(url, '/metrics', { accept });
    expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const exemplars = readScrape(open.body).samples.flatMap(({ exemplar }) =>
      exemplar === undefined ? [] : [exemplar],
    );
    // Of the run, under our name and that of the convention, and of its step.
    expect(exemplars).toHaveLength(3);
    expect(exemplars[0]).toEqual({ trace_id: '0123456789abcdef0123456789abcdef', span_id: expect.any(String) });
    const text = await ask(url, '/metrics', { accept: '*/*' });
    expect(text.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.body).not.toContain('trace_id');
  });

  test('to a person do not count as a scrape while a Prometheus scrapes', async () => {
    const data = tempData();
    const { url } = await hubOf(data);
    await scrape(url);
    const run = beginRun(data);
    await endRun(run);
    let scraped = readScrape((await ask(url, '/metrics')).body);
    while (scraped.value('stepspan_runs_started_total') === undefined)
      scraped = readScrape((await ask(url, '/metrics')).body);
    expect(readScrape((await ask(url, '/metrics')).body).value('stepspan_runs_started_total')).toBe(0);
    expect((await scrape(url)).value('stepspan_runs_started_total')).toBe(0);
    expect((await scrape(url)).value('stepspan_runs_started_total')).toBe(1);
  });
});

describe('where it listens', () => {
  const options = { version: '1', env: {}, ship: false, archive: false, retention: undefined, log: () => undefined };

  test('is this machine alone unless allowed', async () => {
    const data = tempData();
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'build-7.example.com']) {
      const start = await startHub({ ...options, data, host, port: 0 });
      expect(start).toMatchObject({ kind: 'failed', problems: [expect.stringContaining('--allow-remote')] });
    }
    const hub = await hubOf(data, { host: '0.0.0.0', allowRemote: true });
    expect((await ask(`http://127.0.0.1:${hub.port}`, '/healthz')).status).toBe(200);
  });

  test('that is taken is reported, with what to do', async () => {
    const { port } = await hubOf(tempData());
    const start = await startHub({ ...options, data: tempData(), host: '127.0.0.1', port });
    expect(start).toMatchObject({
      kind: 'failed',
      problems: [expect.stringMatching(/EADDRINUSE.*choose another port/)],
    });
  });
});
