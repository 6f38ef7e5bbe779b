// The public face of the hub: everything that others may import from it, and nothing else.

export { loadToken, type Scope } from './access/token-file.ts';
export { type Adoption, adoptRun } from './adopt-run.ts';
export { countedBeforeMs, type Hub, type HubOptions, type HubStart, startHub } from './hub.ts';
export { type HubRecord, runningHub } from './hub-files.ts';
export type { LiveSettings } from './open-live.ts';
export { type MetricsServer, type MetricsStart, type ServeMetricsOptions, serveMetrics } from './serve-metrics.ts';
export type { LinkAsked } from './session-routes.ts';
export { type Steered, steerRun } from './steer-run.ts';
