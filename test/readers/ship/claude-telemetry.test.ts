// Claude Code's own spans and logs: what was journaled goes out again unchanged, with the run's identity added.
import { JsonLogsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, test } from 'vitest';
import { logsOfRequest, spansOfRequest } from '../../../src/readers/ship/map/claude-telemetry.ts';

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });

const span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentSpanId: '00f067aa0ba902b7',
  traceState: 'a=b',
  name: 'claude_code.hook',
  kind: 3,
  startTimeUnixNano: '1795000000000000001',
  endTimeUnixNano: '1795000001000000002',
  attributes: [
    text('model', 'm'),
    { key: 'n', value: { intValue: 7 } },
    { key: 'half', value: { doubleValue: 0.5 } },
    { key: 'ok', value: { boolValue: true } },
    { key: 'list', value: { arrayValue: { values: [{ stringValue: 'x' }, { intValue: 1 }] } } },
  ],
  droppedAttributesCount: 1,
  events: [
    {
      name: 'first_token',
      timeUnixNano: '1795000000500000000',
      attributes: [text('a', 'b')],
      droppedAttributesCount: 2,
    },
  ],
  droppedEventsCount: 3,
  links: [
    {
      traceId: '1af7651916cd43dd8448eb211c80319c',
      spanId: 'c7ad6b7169203331',
      attributes: [text('why', 'because')],
      droppedAttributesCount: 0,
      flags: 0x101,
    },
  ],
  droppedLinksCount: 4,
  status: { code: 2, message: 'overloaded' },
  flags: 0x301,
};
const request = {
  resourceSpans: [
    {
      resource: { attributes: [text('service.name', 'claude-code')], droppedAttributesCount: 0 },
      scopeSpans: [{ scope: { name: 'com.anthropic', version: '2' }, spans: [span] }],
    },
  ],
};

const again = (bytes: Uint8Array | undefined): unknown => JSON.parse(Buffer.from(bytes ?? []).toString());

describe('spans', () => {
  test('keep ids, kind, times, attributes, status, events and links', () => {
    expect(again(JsonTraceSerializer.serializeRequest(spansOfRequest(request, { identity: {} })))).toEqual(request);
  });

  test('get the identity of the run, but not over what they say themselves', () => {
    const [made] = spansOfRequest(request, { identity: { 'cicd.pipeline.run.id': 'r', model: 'other' } });
    expect(made?.attributes).toMatchObject({ 'cicd.pipeline.run.id': 'r', model: 'm' });
  });

  test('with numbers as strings and kinds by name are read as the specification allows', () => {
    const other = {
      ...span,
      kind: 'SPAN_KIND_CLIENT',
      status: { code: 'STATUS_CODE_ERROR' },
      attributes: [{ key: 'n', value: { intValue: '7' } }],
    };
    const [made] = spansOfRequest({ resourceSpans: [{ scopeSpans: [{ spans: [other] }] }] }, { identity: {} });
    expect(made).toMatchObject({ kind: 2, status: { code: 2 }, attributes: { n: 7 } });
  });

  test.each([
    [undefined],
    [null],
    ['x'],
    [{}],
    [{ resourceSpans: 1 }],
    [{ resourceSpans: [null, { scopeSpans: [{ spans: [7, { traceId: 'zz' }] }] }] }],
  ])('that are not what they should be are left out: %j', (broken) =>
    expect(spansOfRequest(broken, { identity: {} })).toEqual([]),
  );
});

describe('spans by the GenAI conventions', () => {
  const count = (key: string, value: number) => ({ key, value: { intValue: value } });
  const conventional = (name: string, attributes: object[], subagentOf?: (id: string) => string | undefined) =>
    spansOfRequest(
      { resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, kind: 1, name, attributes }] }] }] },
      { identity: {}, ...(subagentOf === undefined ? {} : { subagentOf }) },
    )[0];

  test('a call of the model is chat, with provider, model and usage that includes what was cached', () => {
    const made = conventional('claude_code.llm_request', [
      text('span.type', 'llm_request'),
      text('gen_ai.system', 'anthropic'),
      text('model', 'claude-opus-5'),
      text('session.id', 's1'),
      text('request_id', 'req_1'),
      text('stop_reason', 'tool_use'),
      count('input_tokens', 10),
      count('output_tokens', 5),
      count('cache_read_tokens', 100),
      count('cache_creation_tokens', 20),
      count('ttft_ms', 250),
    ]);
    expect(made).toMatchObject({
      name: 'chat claude-opus-5',
      kind: 2,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'anthropic',
        'gen_ai.request.model': 'claude-opus-5',
        'gen_ai.response.id': 'req_1',
        'gen_ai.response.finish_reasons': ['tool_use'],
        'gen_ai.response.time_to_first_chunk': 0.25,
        'gen_ai.conversation.id': 's1',
        'gen_ai.usage.input_tokens': 130,
        'gen_ai.usage.output_tokens': 5,
        'gen_ai.usage.cache_read.input_tokens': 100,
        'gen_ai.usage.cache_write.input_tokens': 20,
        'stepspan.claude.span_name': 'claude_code.llm_request',
        input_tokens: 10,
        model: 'claude-opus-5',
      },
    });
  });

  test('a call that failed says so by its status, and one without tokens has no usage', () => {
    const failed = conventional('claude_code.llm_request', [
      text('model', 'm'),
      { key: 'success', value: { boolValue: false } },
      count('status_code', 529),
    ]);
    expect(failed?.attributes['error.type']).toBe('529');
    expect(Object.keys(failed?.attributes ?? {}).filter((key) => key.startsWith('gen_ai.usage'))).toEqual([]);
  });

  test('a turn is the invocation of the main agent, a tool call the execution of the tool', () => {
    const turn = conventional('claude_code.interaction', [text('session.id', 's1')]);
    expect(turn).toMatchObject({
      name: 'invoke_agent claude-code',
      kind: 0,
      attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'claude-code' },
    });
    const tool = conventional('claude_code.tool', [text('tool_name', 'Bash'), text('gen_ai.tool.call.id', 't1')]);
    expect(tool).toMatchObject({
      name: 'execute_tool Bash',
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'Bash',
        'gen_ai.tool.call.id': 't1',
      },
    });
  });

  test('a call that starts a subagent is the invocation of that agent by its name', () => {
    const attributes = [text('tool_name', 'Task'), text('tool_use_id', 't1')];
    const named = conventional('claude_code.tool', attributes, (id) => (id === 't1' ? 'reviewer' : undefined));
    expect(named).toMatchObject({
      name: 'invoke_agent reviewer',
      attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'reviewer' },
    });
    expect(conventional('claude_code.tool', attributes)).toMatchObject({ name: 'invoke_agent' });
  });
});

test('log records keep time, severity, name, body, attributes and span', () => {
  const logs = {
    resourceLogs: [
      {
        resource: { attributes: [], droppedAttributesCount: 0 },
        scopeLogs: [
          {
            scope: { name: 'com.anthropic', version: '2' },
            logRecords: [
              {
                timeUnixNano: '1795000000000000001',
                observedTimeUnixNano: '1795000000000000009',
                severityNumber: 9,
                severityText: 'INFO',
                body: { stringValue: 'claude_code.api_request' },
                eventName: 'api_request',
                attributes: [text('model', 'm')],
                droppedAttributesCount: 0,
                flags: 1,
                traceId: span.traceId,
                spanId: span.spanId,
              },
            ],
          },
        ],
      },
    ],
  };
  expect(again(JsonLogsSerializer.serializeRequest(logsOfRequest(logs, {})))).toEqual(logs);
});

describe('data in base64', () => {
  const picture = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(3 * 1024 * 1024, 'pixels?')]);
  const message = JSON.stringify({ type: 'image', source: { data: picture.toString('base64') } });
  const large = {
    attributes: [text('tool.output', message), { key: 'raw', value: { bytesValue: picture.toString('base64') } }],
  };
  const marker = '[base64 image/png, 3 MiB]';

  test('goes to no backend from a span, wherever it is there', () => {
    const broken = {
      ...span,
      ...large,
      events: [{ ...span.events[0], ...large }],
      links: [{ ...span.links[0], ...large }],
    };
    const failed = { ...broken, status: { code: 2, message } };
    const [made] = spansOfRequest({ resourceSpans: [{ scopeSpans: [{ spans: [failed] }] }] }, { identity: {} });
    const output = JSON.stringify({ type: 'image', source: { data: marker } });
    expect(made).toMatchObject({
      attributes: { 'tool.output': output, raw: marker },
      events: [{ attributes: { 'tool.output': output, raw: marker } }],
      links: [{ attributes: { 'tool.output': output, raw: marker } }],
      status: { message: output },
    });
  });

  test('goes to no backend from a log record, whatever form its body has', () => {
    const bodies = [
      { stringValue: message },
      { bytesValue: picture.toString('base64') },
      { arrayValue: { values: [{ kvlistValue: { values: large.attributes } }] } },
    ];
    const logRecords = bodies.map((body) => ({ body, ...large }));
    const made = logsOfRequest({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }, {});
    expect(made).toHaveLength(3);
    expect(JSON.stringify(made).length).toBeLessThan(3_000);
  });
});
