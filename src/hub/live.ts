// The live side of a server: HTTP API, signing in and the WebSocket tail over one data folder. Composition only: access/ decides who
// may ask, src/api answers.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Router } from 'express';
import express from 'express';
import { createApi, type Link } from '../api/http/index.ts';
import { createTail, type Tail, tailPath } from '../api/index.ts';
import { type DataFolder, type JournalReader, openJournal } from '../journal/index.ts';
import type { Catalogue } from '../runs/catalogue.ts';
import type { RunReference } from '../runs/index.ts';
import type { Access } from './access/access.ts';
import { type LiveActionsOptions, liveActions } from './live-actions.ts';
import { sessionRoutes } from './session-routes.ts';

export type LiveOptions = Omit<LiveActionsOptions, 'data'> & {
  readonly data: DataFolder;
  readonly catalogue: Catalogue;
  readonly version: string;
  /** The run of this process, if it has one: its writer wakes the readers, without a detour over the disk. */
  readonly ownRun?: JournalReader | undefined;
  readonly linksOf: (run: RunReference) => readonly Link[];
};

export type Live = {
  /** To be mounted at /api/v1. */
  readonly routes: Router;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** How many watch, and what they were sent. */
  readonly tail: Tail['numbers'];
  readonly sendEnd: Tail['sendEnd'];
  readonly stop: () => Promise<void>;
};

export function createLive(options: LiveOptions, access: Access, baseUrl: () => string): Live {
  const { catalogue, data, version, folders, starter, linksOf, ownRun } = options;
  const sample = linksOf({ runId: '', traceId: '', workflow: '' });
  const facts = {
    version,
    servedBy: ownRun === undefined ? 'hub' : 'run',
    canStart: starter !== undefined && folders.isNamed,
    links: sample.map(({ label }) => label),
  } as const;
  const routes = express.Router();
  const session = sessionRoutes(access, facts, baseUrl);
  const api = createApi({ catalogue, actions: liveActions(options), linksOf });
  routes.use(session);
  routes.use(api);

  const known = (): ReadonlySet<string> => new Set(data.listRunIds());
  const tail = createTail({
    version,
    catalogue,
    linksOf,
    runsDir: data.runsDir,
    resolveRun: (runId) => (known().has(runId) ? data.runDir(runId) : undefined),
    openRun: (folder) => (ownRun?.folder.runId === folder.runId ? ownRun : openJournal(folder)),
    authorize(request) {
      const decision = access.decide(request, true);
      if (decision.kind === 'denied') return { ok: false, status: decision.status, message: decision.message };
      const path = (request.url ?? '').split('?', 1)[0];
      if (path !== tailPath || decision.scope === undefined) {
        return { ok: false, status: 404, message: `There is no WebSocket here but ${tailPath}.` };
      }
      return { ok: true, scope: decision.scope };
    },
  });
  return { routes, upgrade: tail.handleUpgrade, tail: tail.numbers, sendEnd: tail.sendEnd, stop: tail.stop };
}
