// A backend that says back by what it was asked: its answers are kept and shown, the login is not.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startOtlpServer } from './support/otlp-server.ts';
import { finishedRun } from './support/runs.ts';
import { ship } from './support/ship.ts';

test('what a backend says back of our login is neither kept beside what it refused nor shown', async () => {
  const server = await startOtlpServer(({ headers, path: at }) => ({
    kind: 'status',
    status: at.endsWith('/logs') ? 400 : 413,
    body: `no access for ${headers.authorization}, key ${headers['x-api-key']}`,
  }));
  try {
    const { folder } = await finishedRun(['one']);
    const headers = 'authorization=Bearer%20login-77-token,x-api-key=key-88-secret';
    const shipper = await ship(folder, server, { OTEL_EXPORTER_OTLP_HEADERS: headers });
    await shipper.done;
    expect(server.requests[0]?.headers.authorization).toBe('Bearer login-77-token');
    for (const signal of ['logs', 'traces']) {
      const kept = readFileSync(path.join(folder.refusedDir, `${signal}.ndjson`), 'utf8');
      expect(kept).toContain('no access for [hidden:login], key [hidden:login]');
      expect(kept).not.toMatch(/login-77-token|key-88-secret/);
    }
    expect(JSON.stringify(shipper.status())).not.toMatch(/login-77-token|key-88-secret/);
  } finally {
    await server.close();
  }
});
