// Severity and text of lines as programs really print them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stripAnsi } from '../../src/text/ansi.ts';
import { severityOfLine, severityOfStream, severityWithin } from '../../src/text/severity.ts';
import { type Severity, streams } from '../../src/text/stream.ts';

const of = (line: string): Severity => severityOfLine('stdout', Buffer.from(line));

/** By severity, what it looks like in the log of … */
const formats = {
  debug: {
    'a plain word': 'DEBUG starting',
    pino: '{"time":1,"level":20}',
    syslog: '<15>boom',
    '.NET': 'trce: Microsoft.Hosting[0]',
    zerolog: '10:00AM DBG x',
    Android: 'D/Tag(  123): x',
    OpenTelemetry: '{"severityNumber":5,"body":"x"}',
  },
  info: {
    Spring: '2026-11-23T10:00:00.123Z  INFO 1234 --- [main] c.e.App : no error',
    logfmt: 'ts=1 level=info msg="level=error was set"',
    npm: 'npm notice created a lockfile',
    klog: 'I1123 10:00:00.000000   1234 file.go:12] x',
    PostgreSQL: '2026-11-23 10:00:00.123 UTC [123] LOG:  checkpoint starting',
    winston: '{"message":"ERROR is only mentioned","level":"info"}',
    'an object that quotes another': '{"cause":{"message":"a } in it","level":"error"},"level":"info"}',
  },
  warning: {
    Python: '2026-11-23 10:00:00,123 WARNING disk',
    nginx: '2026/11/23 10:00:00 [warn] 1#1: low',
    MySQL: '2026-11-23T10:00:00.123456Z 0 [Warning] [MY-010000] x',
    Serilog: '[10:00:00 WRN] x',
    logrus: 'WARN[0003] x',
    Node: '(node:12) [DEP0040] DeprecationWarning: x',
    'Python warnings': 'file.py:12: DeprecationWarning: x',
    npm: 'npm warn deprecated',
    gcc: 'src/a.c:12:5: warning: unused variable',
    logfmt: 'ts=1 level=warn msg=x',
    bunyan: '{"name":"x","level":40}',
    GitHub: '::warning file=a.js,line=1::x',
  },
  error: {
    brackets: '[error] boom',
    colours: '\x1b[31mERROR\x1b[0m boom',
    'colours behind a time': '\x1b[2m10:00:00\x1b[0m \x1b[31mERROR\x1b[39m boom',
    log4j: '2026-11-23 10:00:00,123 [main] ERROR com.foo.Bar - msg',
    Apache: '[Mon Nov 23 10:00:00.123456 2026] [core:error] [pid 1] msg',
    'syslog to a file': 'Nov 23 10:00:00 host app[123]: ERROR msg',
    'Python with a name': '2026-11-23 10:00:00,123 - my.logger - ERROR - msg',
    'Python by default': 'ERROR:root:msg',
    Celery: '[2026-11-23 10:00:00,123: ERROR/MainProcess] msg',
    structlog: '2026-11-23 10:00:00 [error    ] msg',
    'structlog as JSON': `{"event":"${'x'.repeat(900)}","level":"error"}`,
    PostgreSQL: '2026-11-23 10:00:00.123 UTC [123] ERROR:  relation "x"',
    env_logger: '[2026-11-23T10:00:00Z ERROR my_app] msg',
    zap: '2026-11-23T10:00:00.000Z\terror\tapp/main.go:1\tboom',
    klog: 'E1123 10:00:00.000000   1234 file.go:12] msg',
    Chromium: '[1123/100000.123:ERROR:file.cc(12)] x',
    NLog: '2026-11-23 10:00:00.1234|ERROR|Logger|msg',
    Ruby: 'E, [2026-11-23T10:00:00.123456 #1234] ERROR -- : msg',
    'docker compose': 'app-1  | ERROR msg',
    syslog: '<3>boom',
    journald: '{"MESSAGE":"x","PRIORITY":"3"}',
    GELF: '{"short_message":"x","level":3}',
    Serilog: '{"@t":"2026","@l":"Error"}',
    ECS: '{"@timestamp":"2026","log.level":"ERROR"}',
    pino: '{"level":50,"msg":"x"}',
    'an object in which another one has a level':
      '{"user":{"severity":"high"},"request":{"level":"info"},"level":"error"}',
    'ECS with an object for the log': '{"@timestamp":"2026","log":{"level":"error"}}',
    'an error with a number': 'ERROR: 5, access is denied',
    'an error with an exit code': 'ERROR exit code: 1',
    'an error that ends in a number': 'ERROR retries left: 3',
    rustc: 'error[E0308]: mismatched types',
    gcc: 'src/a.c:12:5: error: expected ;',
    ld: 'ld: error: undefined symbol',
    tsc: 'src/a.ts(12,5): error TS2304: x',
    'tsc with colours': 'src/a.ts:1:2 - error TS2304: x',
    eslint: '  12:5  error  msg  rule',
    git: 'fatal: not a git repository',
    apt: 'E: Unable to locate package',
    npm: 'npm error code E404',
    'older npm': 'npm ERR! code E404',
    webpack: 'ERROR in ./src',
    pytest: 'E   assert 1 == 2',
    'the end of pytest': 'FAILED tests/x.py::test - AssertionError',
    Go: '--- FAIL: TestX (0.00s)',
    JavaScript: 'TypeError: x is not a function',
    'Node with a code': 'TypeError [ERR_X]: a',
    Python: 'Traceback (most recent call last):',
    Java: 'Caused by: java.lang.IllegalStateException',
    Rust: "thread 'main' panicked at src/main.rs:1:1",
    Azure: '##[error]boom',
  },
} as const;

describe('severity', () => {
  for (const [severity, lines] of Object.entries(formats)) {
    test.each(Object.entries(lines))(`${severity} is read in the format of %s`, (_name, line) => {
      expect(of(line)).toBe(severity);
    });
  }

  test.each([
    'plain text',
    'no error found',
    'no ERROR found',
    'the word error is in the prose here',
    'I think: error: bad',
    'The constant ERROR is unused',
    'At 10:00 the ERROR came',
    '2026-11-23 10:00:00 found an ERROR in the log',
    '0 errors, 0 warnings',
    'Errors: 0',
    'ERROR: 0',
    'ERROR: 0, WARN: 2',
    'CRITICAL: 0, HIGH: 3',
    'Total: 3 (CRITICAL: 0)',
    'ERROR: 0 errors',
    'FAIL: 0',
    'FAILED: 0, PASSED: 12',
    'ERROR count: 0',
    'ERROR count: 12',
    'ERROR rate: 0.5%',
    'WARN count = 7',
    '[ERROR] total: 0',
    'CRITICAL issues found: 0',
    'FATAL errors: 0',
    'ERROR(s): 0',
    'FAIL count: 0',
    'FAILED tests: 0',
    'app.ERROR.count 3',
    'LOG_LEVEL=ERROR',
    'INF 3 is a number',
    '/var/log/ERROR/x',
    '<error>text</error>',
    '{"msg":"ERROR is only mentioned"}',
    '{"priority":3}',
    '{"msg":"{\\"level\\":\\"error\\"}"}',
    `${'x'.repeat(300)} ERROR`,
  ])('is not read in %j', (line) => expect(of(line)).toBe('info'));

  test('is that of the stream where the line says nothing, and raw protocol says nothing', () => {
    expect(severityOfLine('stderr', Buffer.from('x'))).toBe('warning');
    expect(severityOfLine('stderr', Buffer.from('INFO x'))).toBe('info');
    expect(severityOfLine('stderr', Buffer.from('no error found'))).toBe('warning');
    expect(severityOfLine('system', Buffer.from(''))).toBe('info');
    expect(severityOfLine('debug', Buffer.from('{"level":"error"}'))).toBe('debug');
  });

  const piece = fc.oneof(
    fc.constantFrom(
      'ERROR',
      'error',
      'warn:',
      '[',
      ']',
      ' ',
      '\t',
      '\x1b[31m',
      '\x1b',
      '12:00:00',
      'level=',
      '="',
      '{"level":',
    ),
    fc.constantFrom('a.', '.a', 'Error', ':', '<3>', 'E   ', "thread '", '"', '\\', '\0', '\xff', 'x'.repeat(70)),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );

  test('is some severity for any bytes, and the same for the line among others', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.constantFrom(...streams), (pieces, stream) => {
        const line = Buffer.from(pieces.join('').replaceAll('\n', ''));
        const severity = severityOfLine(stream, line);
        expect(['debug', 'info', 'warning', 'error']).toContain(severity);
        // A line that redraws itself is read on its own.
        if (stream === 'debug' || /[\r\x08\x9b]|\x1b(?!\[[\d;]*m)/.test(line.toString('latin1'))) return;
        const text = `before ERROR\n${line.toString('latin1')}\nERROR: after`;
        const within = severityWithin(text, 13, 13 + line.length, severityOfStream[stream]);
        expect(within).toBe(severity);
      }),
      { numRuns: 500 },
    );
  });

  test('of a line that redraws itself is that of its last state', () => {
    expect(of('ERROR: first try\r\x1b[KINFO: done')).toBe('info');
    expect(of(`${'\rReceiving 10 %'.repeat(5000)}\r\x1b[KERROR: early EOF\r`)).toBe('error');
    expect(of('\x1b[2A\x1b[2K\x1b[GWARN: slow\x1b[2B')).toBe('warning');
    expect(of('ERROR: a line end of DOS\r')).toBe('error');
  });

  test('costs no more for a long line than for its head', () => {
    // Quadratic in the length, one of these would take minutes.
    for (const part of ['a.', 'A', '[', '"', '="', ' ', '\x1b[31m', '1:1 ', 'x=" ', '{"level":', "thread '", '\x1b]']) {
      const line = Buffer.from(part.repeat(2_000_000 / part.length));
      for (let times = 0; times < 200; times++) severityOfLine('stdout', line);
    }
  });

  test('of prose is never read from a word inside of it', () => {
    const word = fc.constantFrom('the', 'no', 'error', 'ERROR', 'found', 'warning', 'FATAL', 'in', 'level', 'fail');
    fc.assert(
      fc.property(fc.constantFrom('the', 'no', 'When', 'checking'), fc.array(word), (first, rest) => {
        expect(of([first, ...rest].join(' '))).toBe('info');
      }),
    );
  });
});

describe('text without escapes', () => {
  test.each([
    ['\x1b[1;31mred\x1b[0m', 'red'],
    ['\x1b]8;;http://x\x07link\x1b]8;;\x1b\\', 'link'],
    ['\x1b]0;never ended', ''],
    ['a\x1b[12', 'a'],
    ['a\x1bMb\x1b(Bc', 'abc'],
    ['a\x9b1mb', 'ab'],
    ['tab\tand\rreturn', 'tab\tand\rreturn'],
  ])('of %j is %j', (text, wanted) => expect(stripAnsi(text)).toBe(wanted));

  test('has no escape left, whatever it was', () => {
    const piece = fc.constantFrom('\x1b', '[', ']', '0', ';', 'm', '\x07', '\\', 'x', '\x9b', '\x9d', 'P', ' ');
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (text) => {
          expect(stripAnsi(text)).not.toMatch(/[\x1b\x9b\x9d]/);
        },
      ),
    );
  });
});
