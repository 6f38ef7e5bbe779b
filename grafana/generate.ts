// Writes the dashboards as JSON beside this file, for Grafana to be provisioned with. Their text depends on these sources
// alone, so a test can hold that what is checked in is current.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { allDashboards, fileNameOf, textOf } from './all.ts';

const folder = path.join(import.meta.dirname, 'dashboards');

mkdirSync(folder, { recursive: true });
for (const dashboard of allDashboards) {
  writeFileSync(path.join(folder, fileNameOf(dashboard)), textOf(dashboard));
}
