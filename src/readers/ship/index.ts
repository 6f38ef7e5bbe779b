// The shipper: sends a run to an OTLP endpoint, as log records and spans. The hub and the library call it, and import from
// this file only.
//
// A journal reader feeds one pipeline for each signal (deliver/): records become log records or spans (map/), those become
// request bodies (encode/), a request is sent until it is acknowledged or refused on its own, and then the cursor moves.
// Nothing waits in a queue that drops: what was not acknowledged is read from the journal again.
export { savedCounted } from './counted.ts';
export type { Pace } from './deliver/pace.ts';
export type { Env } from './env.ts';
export {
  isShippingConfigured,
  readMetricSettings,
  readSettings,
  type Settings,
  type Signal,
  type SignalSettings,
} from './settings.ts';
export type { Shipper, ShipperOptions, ShipperStart } from './shipper.ts';
export type { DrainResult, GiveUp, PipelineState, ShipperStatus, SignalStatus } from './status.ts';
export { startShipperWorker } from './worker-client.ts';
/** Loads the SDK (0.3 s), so it is not re-exported: `import { createShipper } from './ship/shipper.ts'`. */
