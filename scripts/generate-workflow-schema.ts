// Writes schema/workflow.schema.json from the zod schema: `node scripts/generate-workflow-schema.ts`.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { workflowJsonSchema } from '../src/workflow/json-schema.ts';

const file = fileURLToPath(new URL('../schema/workflow.schema.json', import.meta.url));
writeFileSync(file, `${JSON.stringify(workflowJsonSchema(), undefined, 2)}\n`);
execFileSync('npx', ['biome', 'format', '--write', file], { stdio: 'ignore' });
console.log(`wrote ${file}`);
