// Assembles src/run/redact/prefilter.wat into prefilter-wasm.ts beside it, so that the package needs no assembler. A test
// fails if the two do not belong together.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import wabt from 'wabt';

const folder = path.resolve(import.meta.dirname, '../src/run/redact');
export const prefilterPath = path.join(folder, 'prefilter-wasm.ts');

/** The text of prefilter-wasm.ts as it must be. */
export async function prefilterModule(): Promise<string> {
  const assembler = await wabt();
  const parsed = assembler.parseWat('prefilter.wat', readFileSync(path.join(folder, 'prefilter.wat'), 'utf8'), {
    simd: true,
  });
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  const lines =
    Buffer.from(buffer)
      .toString('base64')
      .match(/.{1,110}/g) ?? [];
  return `// Generated from prefilter.wat by \`npm run generate\`. Do not edit.
/** The assembled program, in base64. */
export const prefilterWasm =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(prefilterPath, await prefilterModule());
