// What the settings say of the resource, and the scope that every record of ours carries.
import {
  hostDetector,
  osDetector,
  processDetector,
  type ResourceDetector,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { type Env, keyValuePairs, variable } from './env.ts';

/** The name of the instrumentation scope, and of the service unless the settings name it. */
export const scopeName = 'stepspan';

/** Attributes that the settings give the resource. */
export function resourceAttributes(env: Env): Readonly<Record<string, string>> {
  const name = variable(env, 'OTEL_SERVICE_NAME');
  return { ...keyValuePairs(env.OTEL_RESOURCE_ATTRIBUTES), ...(name === undefined ? {} : { 'service.name': name }) };
}

/**
 * The detectors that OTEL_NODE_RESOURCE_DETECTORS asks for, by the SDK's names of them; none if it is not set. Those name the
 * process that happens to ship, with a random `service.instance.id`. Loki makes a stream label of that, so a resend by another
 * process would be stored twice.
 */
export function resourceDetectors(env: Env): ResourceDetector[] {
  const fromSettings: ResourceDetector = { detect: () => ({ attributes: resourceAttributes(env) }) };
  const names = (variable(env, 'OTEL_NODE_RESOURCE_DETECTORS') ?? 'env').split(',').map((name) => name.trim());
  const detectors = {
    host: hostDetector,
    os: osDetector,
    serviceinstance: serviceInstanceIdDetector,
    process: processDetector,
    env: fromSettings,
  };
  if (names.includes('none')) return [];
  return Object.entries(detectors)
    .filter(([name]) => names.includes('all') || names.includes(name))
    .map(([, detector]) => detector);
}
