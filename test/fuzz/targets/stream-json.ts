// The reader of Claude Code's stream-json: any bytes become events and lines that can be written, in the same way however they are cut.
import type { ClaudeEvent } from '../../../src/core/claude-event.ts';
import { createCostMeter, createStreamJsonReader } from '../../../src/run/claude/index.ts';
import { type FuzzTarget, must } from '../target.ts';

function read(chunks: readonly Buffer[]): string {
  const said: unknown[] = [];
  const reader = createStreamJsonReader({
    emit: (event: ClaudeEvent) => void said.push(event),
    show: (text) => {
      must(!text.endsWith('\n\n\n\n'), 'a text does not end in empty lines');
      said.push(text);
    },
    meter: createCostMeter(),
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return JSON.stringify(said);
}

const usage = '"usage":{"input_tokens":3,"output_tokens":5,"cache_read_input_tokens":1}';

export const streamJson: FuzzTarget = {
  name: 'stream-json',
  seeds: [
    `{"type":"system","subtype":"init","session_id":"s","model":"m","cwd":"/x","tools":["Bash"]}\n{"type":"assistant","message":{"id":"1","model":"m","content":[{"type":"text","text":"hi"},{"type":"tool_use","id":"t","name":"Bash","input":{"command":"ls"}}],${usage}}}\n`,
    `{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"out"}],"is_error":true}]}}\n{"type":"result","subtype":"success","is_error":false,"total_cost_usd":0.1,"num_turns":1,"duration_ms":5,"session_id":"s","result":"done",${usage},"modelUsage":{"m":{"inputTokens":3,"outputTokens":5,"costUSD":0.1}}}\n`,
    'no json\n{"type":"rate_limit_event","rate_limit_info":{"status":"allowed"}}\n',
  ],
  words: [
    '{"type":"',
    '"content":',
    'null',
    '[]',
    '{}',
    '"is_error":true',
    '"total_cost_usd":',
    '-1',
    '1e308',
    '\n',
    '"__proto__":',
    '"\\u0000"',
    '"permission_denials":[{}]',
  ],
  run(input) {
    const cut = input.length >> 1;
    const whole = read([input]);
    must(whole === read([input.subarray(0, cut), input.subarray(cut)]), 'cutting changes nothing');
  },
};
