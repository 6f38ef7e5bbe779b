// What `doctor` checks on this machine: Node, Claude Code, the data folder and its disk, the hub.
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { toError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import { unreachable } from '../../core/unreachable.ts';
import { runningHub } from '../../hub/index.ts';
import { dataFolder } from '../../journal/index.ts';
import {
  askLogin,
  type ClaudeProgram,
  claudeFlagTable,
  findClaude,
  isOlder,
  loggedOutHelp,
  tooOldMessage,
} from '../../run/index.ts';
import { defaultClaude } from '../setting-table.ts';
import type { Settings } from '../settings.ts';
import { advice, bad, type Check, good, leftOut } from './check.ts';

/** The first with `zlib.crc32` on which the official OTLP exporters run; the same as `engines` of package.json. */
const leastNode = [22, 15] as const;

/** Less than a run with long output can fill within a night. */
const littleDiskBytes = 1024 ** 3;

export function checkNode(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (isNew) return good('Node', version);
  return bad(
    'Node',
    `${version} is too old`,
    `Install Node ${leastNode.join('.')} or newer, or run npm install node@24 beside stepspan.`,
  );
}

/** @param setBy the setting that named the program, for messages */
export async function checkClaude(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  cwd: string,
  setBy: string,
): Promise<readonly Check[]> {
  // A message should not name a setting that nobody has set.
  const asked = settings.claude === defaultClaude ? undefined : settings.claude;
  const found = await findClaude({ ...env, STEPSPAN_CLAUDE: asked }, setBy);
  if (found.kind === 'missing') {
    return [bad('Claude Code', found.message, 'Shell steps run without it; steps with `claude` do not.')];
  }
  return [checkClaudeVersion(found), await checkLogin(found, env, cwd)];
}

function checkClaudeVersion(program: ClaudeProgram): Check {
  const tooOld = tooOldMessage(program);
  if (tooOld !== undefined)
    return bad('Claude Code', tooOld, 'Shell steps run without it; steps with `claude` do not.');
  const detail = `${program.version} (${program.path})`;
  const missing = claudeFlagTable.filter(({ key, since }) => key !== '' && isOlder(program.version, since));
  if (missing.length === 0) return good('Claude Code', detail);
  const keys = missing.map(({ key, flag, since }) => `${key} (${flag}, since ${since})`).join(', ');
  return advice(
    'Claude Code',
    `${detail} does not have ${keys}`,
    'Update it: npm install -g @anthropic-ai/claude-code@latest',
  );
}

async function checkLogin(program: ClaudeProgram, env: NodeJS.ProcessEnv, cwd: string): Promise<Check> {
  const login = await askLogin(program, env, cwd);
  switch (login.kind) {
    case 'logged_in':
      return good('Claude login', login.how);
    case 'logged_out':
      return bad('Claude login', 'Claude Code is not logged in', loggedOutHelp);
    case 'unknown':
      return leftOut('Claude login', login.why, 'A run will show it; a step that the API refuses is not retried.');
    default:
      return unreachable(login);
  }
}

export function checkDataFolder(settings: Settings): Check {
  const { dataDir } = settings;
  const probe = path.join(dataDir, `.doctor-${process.pid}`);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(probe, 'x');
    rmSync(probe);
  } catch (error) {
    const remedy = 'Make it writable for you, or set STEPSPAN_DATA_DIR or --data-dir to a folder that is.';
    return bad('Data folder', `${dataDir} cannot be written: ${toError(error).message}`, remedy);
  }
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  const detail = `${dataDir}, ${formatBytes(free)} free`;
  if (free >= littleDiskBytes) return good('Data folder', detail);
  return advice(
    'Data folder',
    detail,
    'Free some space, or lower STEPSPAN_RETENTION_MAX_BYTES: output is lost when the disk is full.',
  );
}

export async function checkHub(settings: Settings): Promise<Check> {
  const hub = runningHub(dataFolder(settings.dataDir));
  const remedy =
    'Start it with `stepspan serve`: it serves /metrics, sends what is not sent yet, and closes runs whose stepspan was killed.';
  if (hub === undefined) return advice('Hub', 'none is running for this data folder', remedy);
  try {
    const answer = await fetch(`${hub.url}/healthz`, { signal: AbortSignal.timeout(5_000) });
    if (answer.ok) return good('Hub', `${hub.url}, version ${hub.version}`);
    return bad('Hub', `${hub.url} answers ${answer.status}`, 'Stop it and start it again.');
  } catch (error) {
    return bad('Hub', `${hub.url} does not answer: ${toError(error).message}`, 'Stop it and start it again.');
  }
}
