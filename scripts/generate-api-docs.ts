// Writes docs/openapi.yaml and the tables of docs/api.md from the schemas in src/api/schema. A test holds them together.
// `node scripts/generate-api-docs.ts`
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import * as messages from '../src/api/schema/messages.ts';
import { queryLists } from '../src/api/schema/requests.ts';
import { errorStatuses, type Route, routes } from '../src/api/schema/routes.ts';
import { components } from '../src/api/schema/values.ts';
import { limits } from '../src/api/tail/protocol.ts';

const docs = path.resolve(import.meta.dirname, '../docs');

type Json = Record<string, unknown>;

/** What a reader of the documents does not need. */
const override = ({ jsonSchema }: { readonly jsonSchema: Json }): void => {
  delete jsonSchema.readOnly;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (JSON.stringify(jsonSchema.propertyNames) === '{"type":"string"}') delete jsonSchema.propertyNames;
};

const options = { io: 'output', unrepresentable: 'any', override } as const;

function jsonSchema(schema: z.core.$ZodType, io: 'input' | 'output' = 'output'): Json {
  const { $schema, '~standard': _, ...json } = z.toJSONSchema(schema, { ...options, io });
  return json;
}

function reference(schema: z.ZodType): Json {
  const id = components.get(schema)?.id;
  return id === undefined ? jsonSchema(schema) : { $ref: `#/components/schemas/${id}` };
}

function parameters(route: Route): readonly Json[] {
  const inPath = route.path.includes(':id') ? [{ $ref: '#/components/parameters/id' }] : [];
  const inQuery = Object.entries(route.query.shape).map(([name, field]) => {
    const { description, ...schema } = jsonSchema(field);
    const isRequired = !z.safeParse(field, undefined).success;
    const list = listText(queryLists.get(field));
    return { name, in: 'query', ...(isRequired && { required: true }), schema, description: `${description}${list}` };
  });
  return [...inPath, ...inQuery];
}

function listText(list: { readonly hasCommas: boolean } | undefined): string {
  if (list === undefined) return '';
  return list.hasCommas ? ' Separated by commas, or given more than once.' : ' May be given more than once.';
}

const fileTypes = {
  file: { 'text/plain': {}, 'application/x-ndjson': {}, 'text/csv': {}, 'application/json': {} },
  picture: { 'image/png': {}, 'image/jpeg': {}, 'image/gif': {}, 'image/webp': {} },
} as const;

function operation(route: Route): Json {
  const given = parameters(route);
  const hasBody = route.method === 'POST' && Object.keys(route.body.shape).length > 0;
  const type = route.isStream ? 'application/x-ndjson' : 'application/json';
  const content =
    typeof route.answer === 'string' ? fileTypes[route.answer] : { [type]: { schema: reference(route.answer) } };
  const errors = [...route.errors]
    .sort()
    .map((status) => [String(status), { $ref: `#/components/responses/${status}` }]);
  return {
    summary: route.summary,
    'x-scope': route.scope,
    ...(route.scope === 'none' && { security: [] }),
    ...(given.length > 0 && { parameters: given }),
    ...(hasBody && { requestBody: { content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } } }),
    responses: { 200: { description: 'Done.', content }, ...Object.fromEntries(errors) },
  };
}

const allRoutes: readonly Route[] = Object.values(routes);

export function openapi(): string {
  const paths: Record<string, Json> = {};
  for (const route of allRoutes) {
    const at = route.path.replace(':id', '{id}');
    paths[at] = { ...paths[at], [route.method.toLowerCase()]: operation(route) };
  }
  const { schemas } = z.toJSONSchema(components, { ...options, uri: (id) => `#/components/schemas/${id}` });
  const named = Object.entries(schemas).map(([id, { $schema, $id, ...json }]) => [id, json]);
  const responses = Object.entries(errorStatuses).map(([status, description]) => {
    const schema = { $ref: '#/components/schemas/Error' };
    return [status, { description, content: { 'application/json': { schema } } }];
  });
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'stepspan',
      version: '1',
      description:
        'Runs of a data folder: what they did, what they print, and how to steer them. docs/api.md says how to sign in and shows examples.',
    },
    servers: [{ url: 'http://127.0.0.1:9464/api/v1' }],
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'The content of `token` or `token.read` in the data folder.',
        },
        session: { type: 'apiKey', in: 'cookie', name: 'stepspan_PORT', description: 'Set by POST /login.' },
      },
      parameters: {
        id: {
          name: 'id',
          in: 'path',
          required: true,
          schema: { type: 'string' },
          description: 'The full id of a run.',
        },
      },
      responses: Object.fromEntries(responses),
      schemas: Object.fromEntries(named),
    },
  };
  const head = '# Generated from src/api/schema by scripts/generate-api-docs.ts (`npm run generate`).\n';
  return head + stringify(document, { lineWidth: 120, aliasDuplicateObjects: false });
}

function routeTable(): string {
  const rows = allRoutes.map(
    ({ method, path: at, scope, summary }) => `| ${method} | \`${at}\` | ${scope} | ${summary} |`,
  );
  return ['| method | path | scope | what |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The fields of a message, with what their descriptions add. */
function fieldsOf(schema: z.ZodObject, leftOut: readonly string[]): string {
  const fields = Object.entries(schema.shape).filter(([name]) => !leftOut.includes(name));
  const texts = fields.map(([name, field]) => {
    const isOptional = z.safeParse(field, undefined).success;
    const { description } = jsonSchema(field);
    const own = components.get(field) === undefined && typeof description === 'string' ? ` (${description})` : '';
    return `\`${name}${isOptional ? '?' : ''}\`${own}`;
  });
  return texts.join(', ');
}

type Messages = Readonly<Record<string, z.ZodObject>>;

function messageTable(types: Messages, leftOut: readonly string[]): string {
  const rows = Object.entries(types).map(([type, schema]) => {
    return [`\`${type}\``, fieldsOf(schema, leftOut), String(jsonSchema(schema).description ?? '')];
  });
  return table(['type', leftOut.includes('type') ? 'fields' : 'data', 'what'], rows);
}

function protocolTables(): Readonly<Record<string, string>> {
  const bounds = Object.entries(limits).map(([name, value]) => {
    const text = Object.entries(messages.limitTexts).find(([key]) => key === name)?.[1] ?? '';
    return [`\`${name}\``, value.toLocaleString('en'), text];
  });
  const errors = Object.entries(messages.errorCodes).map(([code, text]) => [`\`${code}\``, text]);
  return {
    client: messageTable(messages.clientMessages, ['type']),
    journal: messageTable(messages.journalMessages, ['step', 'attempt']),
    subscription: messageTable(messages.subscriptionMessages, []),
    state: messageTable({ ...messages.stateMessages, ...messages.listMessages }, []),
    connection: messageTable(messages.connectionMessages, []),
    errors: table(['code', 'when'], errors),
    limits: table(['name', 'value', 'of what'], bounds),
    closeCodes: table(['code', 'meaning', 'connect again?'], messages.closeCodeTexts),
  };
}

/** The page with what is between the marks of each table replaced. */
function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [start, end] = [`<!-- generated: ${name} -->`, '<!-- end of generated -->'];
    const from = text.indexOf(start) + start.length;
    if (from < start.length) throw new Error(`There is no ${start} in the page.`);
    return `${text.slice(0, from)}\n\n${table}\n\n${text.slice(text.indexOf(end, from))}`;
  }, page);
}

/** Each document by its path, as it has to be. */
export function apiDocuments(): Readonly<Record<string, string>> {
  const read = (name: string): string => readFileSync(path.join(docs, name), 'utf8');
  return {
    [path.join(docs, 'openapi.yaml')]: openapi(),
    [path.join(docs, 'api.md')]: withTables(read('api.md'), { routes: routeTable() }),
    [path.join(docs, 'tail-protocol.md')]: withTables(read('tail-protocol.md'), protocolTables()),
  };
}

if (import.meta.main) for (const [file, text] of Object.entries(apiDocuments())) writeFileSync(file, text);
