// The public face of the shipper: everything that others may import from it, and nothing else.
export { savedCounted } from './counted.ts';
export type { Pace } from './deliver/pace.ts';
export type { Env } from './env.ts';
export { isShippingConfigured, readSettings, type Settings, type Signal, type SignalSettings } from './settings.ts';
export type { Shipper, ShipperOptions, ShipperStart } from './shipper.ts';
export type { DrainResult, GiveUp, PipelineState, ShipperStatus, SignalStatus } from './status.ts';
export { startShipperWorker } from './worker-client.ts';
/** Loads the SDK (0.3 s), so it is not re-exported: `import { createShipper } from './ship/shipper.ts'`. */
