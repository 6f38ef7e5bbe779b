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
  name: 'claude_code.llm_request',
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
    expect(again(JsonTraceSerializer.serializeRequest(spansOfRequest(request, {})))).toEqual(request);
  });

  test('get the identity of the run, but not over what they say themselves', () => {
    const [made] = spansOfRequest(request, { 'cicd.pipeline.run.id': 'r', model: 'other' });
    expect(made?.attributes).toMatchObject({ 'cicd.pipeline.run.id': 'r', model: 'm' });
  });

  test('with numbers as strings and kinds by name are read as the specification allows', () => {
    const other = {
      ...span,
      kind: 'SPAN_KIND_CLIENT',
      status: { code: 'STATUS_CODE_ERROR' },
      attributes: [{ key: 'n', value: { intValue: '7' } }],
    };
    const [made] = spansOfRequest({ resourceSpans: [{ scopeSpans: [{ spans: [other] }] }] }, {});
    expect(made).toMatchObject({ kind: 2, status: { code: 2 }, attributes: { n: 7 } });
  });

  test.each([
    [undefined],
    [null],
    ['x'],
    [{}],
    [{ resourceSpans: 1 }],
    [{ resourceSpans: [null, { scopeSpans: [{ spans: [7, { traceId: 'zz' }] }] }] }],
  ])('that are not what they should be are left out: %j', (broken) => expect(spansOfRequest(broken, {})).toEqual([]));
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
    const [made] = spansOfRequest({ resourceSpans: [{ scopeSpans: [{ spans: [failed] }] }] }, {});
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
