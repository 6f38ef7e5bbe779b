// The package as its users get it: packed, installed into an empty folder, and used from there. One install is shared by
// all tests, since it takes most of the time.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../src/library/index.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { type Installed, oldNode, packAndInstall, root } from './rig.ts';

/**
 * An install brings 184 packages: OpenTelemetry's SDK with all of its exporters is about 60 of them, express about 60, the SDK for S3
 * 25, execa about 20. The bound leaves room for what those add in a minor version, and not for one more of their size.
 */
const maxPackages = 200;

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
};
const { dependencies } = manifest;
const bin = path.join('node_modules', '.bin', 'stepspan');
const old = oldNode();

let installed: Installed;
beforeAll(() => {
  installed = packAndInstall();
});
afterAll(() => installed?.remove());

const write = (file: string, text: string): void => {
  const target = path.join(installed.folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
};

describe('the tarball', () => {
  test('has what users need, and nothing else', () => {
    const stack =
      /^(docker-compose\.yml|otel-collector(-(metrics|redaction))?\.yaml|stack\/([\w/-]+\.(yaml|sh)|mail\.env|\.env\.example)|grafana\/[\w/-]+\.(json|yaml|md)|alerting\/(prometheus|loki|alertmanager|custom)\/[\w./-]+\.(yaml|tmpl|sh|md)|alerting\/custom\/\.gitignore|alerting\/(runbook|README)\.md)$/;
    const expected =
      /^(bin\/stepspan\.js|dist\/types\/[\w/-]+\.d\.ts|dist\/app\/[\w-]+\.js(\.map)?|dist\/LICENSES\.txt|dist\/page\/[\w./-]+\.(html|js|css|svg|gz)|dist\/sbom\.cdx\.json|docs\/[\w/-]+\.(md|svg|png|yaml)|schema\/workflow\.schema\.json|examples\/[\w.-]+|LICENSE|(README|SECURITY)\.md|package\.json)$/;
    expect(installed.files.filter((file) => !expected.test(file) && !stack.test(file))).toEqual([]);
    for (const file of [
      'bin/stepspan.js',
      'dist/types/library/index.d.ts',
      'dist/app/worker.js',
      'dist/page/index.html',
      'docker-compose.yml',
      'stack/prepare.sh',
      'stack/.env.example',
      'grafana/dashboards/stepspan-overview.json',
      'alerting/prometheus/stepspan.rules.yaml',
      'alerting/alertmanager/start.sh',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'alerting/README.md',
      'examples/tail.py',
    ])
      expect(installed.files).toContain(file);
  });

  test('carries a bill of materials with each package that it is used with, in the version that was tested', () => {
    const bill = JSON.parse(
      readFileSync(path.join(installed.folder, 'node_modules/stepspan/dist/sbom.cdx.json'), 'utf8'),
    ) as {
      readonly bomFormat: string;
      readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
    };
    expect(bill.bomFormat).toBe('CycloneDX');
    const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean }>>;
    };
    const wanted = Object.keys(dependencies).map((name) => `${name}@${lock.packages[`node_modules/${name}`]?.version}`);
    expect(bill.components.map(({ name, version }) => `${name}@${version}`)).toEqual(expect.arrayContaining(wanted));
    expect(bill.components.map(({ name }) => name)).not.toContain('vitest');
  });

  test('is under the Apache License 2.0', () => {
    const inPackage = (file: string) =>
      readFileSync(path.join(installed.folder, 'node_modules/stepspan', file), 'utf8');
    expect(inPackage('LICENSE')).toMatch(/^\s+Apache License\s+Version 2\.0/);
    expect(JSON.parse(inPackage('package.json'))).toMatchObject({ license: 'Apache-2.0', type: 'module' });
  });
});

describe('an install', () => {
  test(`brings at most ${maxPackages} packages`, () => {
    expect(installed.packages.length).toBeLessThanOrEqual(maxPackages);
  });

  test('has each package of OpenTelemetry once, as two copies of one would not know each other', () => {
    const names = installed.packages.map((each) => each.slice(each.lastIndexOf('node_modules/')));
    const twice = names.filter((name, index) => name.includes('@opentelemetry/') && names.indexOf(name) !== index);
    expect([...new Set(twice)]).toEqual([]);
  });
});

describe('the types', () => {
  test('carry the examples of docs/library.md, and a mistake is one', async () => {
    const docs = readFileSync(path.join(root, 'docs', 'library.md'), 'utf8');
    const examples = [...docs.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
    expect(examples.length).toBeGreaterThanOrEqual(4);
    for (const [index, text] of examples.entries()) write(`types/example-${index}.ts`, text);
    write(
      'types/mistake.ts',
      `import { runWorkflow } from 'stepspan';
       // @ts-expect-error a step has no such key
       await runWorkflow({ workflow: { name: 'a', steps: [{ id: 'a', run: 'true', timout: '5m' }] } });
       const result = await runWorkflow({ file: 'a.yaml' });
       // @ts-expect-error a refusal has no outcome
       result.outcome;`,
    );
    const options = { module: 'nodenext', target: 'es2024', lib: ['es2024'], strict: true, noEmit: true };
    const compilerOptions = { ...options, skipLibCheck: false, types: ['node'], exactOptionalPropertyTypes: true };
    write('types/tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const checked = await installed.run(path.join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'types']);
    expect(checked.stdout + checked.stderr).toBe('');
    expect(checked.status).toBe(0);
  });
});

describe('the library', () => {
  test('runs its example', async () => {
    cpSync(path.join(root, 'examples', 'library.mjs'), path.join(installed.folder, 'library.mjs'));
    const { status, stdout, stderr } = await installed.run(process.execPath, ['library.mjs']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'greet of team docs: success, 2 lines',
      '  greet: success after 1 attempt(s)',
      '  shout: success after 1 attempt(s)',
      'count | line 1',
      'count | line 2',
      'count | line 3',
      'count ended: success',
      'endless | ready',
      expect.stringContaining('cancelled by api'),
      expect.stringContaining('cancelled by api'),
      'endless ended: cancellation',
      'watch: cancellation (cancelled by api)',
      '',
    ]);
  });
});

describe('the command', () => {
  test('is found by npx and says its version', async () => {
    const { status, stdout } = await installed.run('npx', ['--no-install', 'stepspan', '--version']);
    expect([status, stdout]).toEqual([0, `${manifest.version}\n`]);
  });

  test('writes a first workflow that names the schema of the package, and finds it right', async () => {
    const init = await installed.run(bin, ['init', 'first.yaml']);
    expect(init.status).toBe(0);
    const [first = ''] = readFileSync(path.join(installed.folder, 'first.yaml'), 'utf8').split('\n');
    expect(first).toBe('# yaml-language-server: $schema=./node_modules/stepspan/schema/workflow.schema.json');
    expect((await installed.run(bin, ['validate', 'first.yaml'])).status).toBe(0);
  });

  test('runs a workflow and ships it from its worker', async () => {
    const server = await startOtlpServer();
    write(
      'small.yaml',
      `name: small
steps:
  - id: make
    run: echo made
  - id: use
    needs: make
    run: echo "used $STEPSPAN_OUTPUT_MAKE"; echo careful >&2
`,
    );
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
    const { status, stdout } = await installed.run(bin, ['run', 'small.yaml', '--json'], { env });
    await server.close();
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as RunResult;
    expect([status, result.outcome, result.pending, result.refused]).toEqual([0, 'success', 0, 0]);
    const bodies = server.logs.map((log) => log.body);
    for (const line of ['made', 'used made', 'careful']) expect(bodies).toContain(line);
    expect(server.traces.length).toBeGreaterThan(0);
  });
});

// The launcher has to work on a Node that the rest cannot run on; skipped where this machine has no such Node.
describe.skipIf(old === undefined)(`on an old Node (${old ?? 'none here'})`, () => {
  test('says which one it needs and how to get it', async () => {
    const { status, stdout, stderr } = await installed.run(old ?? '', [bin, '--version']);
    expect([status, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^stepspan: needs Node 22\.15 or newer, and this is \d+\.\d+\.\d+\..*npm install node@24/);
  });

  test('takes the newer one that the npm package `node` has brought, and ends with its exit code', async () => {
    symlinkSync(path.join(root, 'node_modules', 'node'), path.join(installed.folder, 'node_modules', 'node'));
    const good = await installed.run(old ?? '', [bin, '--version']);
    expect([good.status, good.stdout]).toEqual([0, `${manifest.version}\n`]);
    const bad = await installed.run(old ?? '', [bin, 'exec', '--', 'false']);
    expect(bad.status).toBe(1);
  });
});
