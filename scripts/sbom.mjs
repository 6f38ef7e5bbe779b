// Writes the bill of materials (CycloneDX) of what stepspan is used with, from package-lock.json. `npm sbom --omit dev` leaves out packages
// that a development package wants as well, so all are asked for, and those that npm marks as development are left out here.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const [, , target] = process.argv;
const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--loglevel=error'];
const bill = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }));
const isDevelopment = ({ properties = [] }) => properties.some(({ name }) => name === 'cdx:npm:package:development');
const components = bill.components.filter((component) => !isDevelopment(component));
const refs = new Set([bill.metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])]);
const dependencies = bill.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
writeFileSync(target, `${JSON.stringify({ ...bill, components, dependencies }, undefined, 1)}\n`);
