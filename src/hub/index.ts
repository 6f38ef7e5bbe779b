// The hub: the long-lived server of a data folder.
//
// Owns: the supervisor of all runs and the tasks that work on them in turn (count, adopt, notify, send metrics, ship, archive and remove), the HTTP
// server with its access checks (access/), and what an API may do to runs. Called by `stepspan serve`, and in parts by a run that serves
// itself and by commands that adopt or steer a run. Journals come in through the supervisor; pages, metrics, alerts and OTLP go out.

export { loadToken, type Scope } from './access/token-file.ts';
export { type Adoption, adoptRun } from './adopt-run.ts';
export { type Hub, type HubOptions, type HubStart, startHub } from './hub.ts';
export { type HubRecord, runningHub } from './hub-files.ts';
export type { LiveSettings } from './open-live.ts';
export { type MetricsServer, type MetricsStart, type ServeMetricsOptions, serveMetrics } from './serve-metrics.ts';
export type { LinkAsked } from './session-routes.ts';
export { type Steered, steerRun } from './steer-run.ts';
