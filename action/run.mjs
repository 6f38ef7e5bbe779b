// The step of action.yml that runs the workflow: starts stepspan, passes signals on to it, and reports the end as outputs of the action, in the
// summary of the job, and in a comment of the pull request. Plain JavaScript without packages, since nothing is built in an action.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const { env } = process;

/** Of 100 comments each. A pull request with more gets a second comment of ours. */
const maxPages = 20;

const { code, result } = await run();
if (result !== undefined) {
  setOutputs(result);
  const report = reportOf(result);
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, report);
  if (env.INPUT_COMMENT === 'true') await comment(result.workflow, report);
}
process.exitCode = code;

/** Standard error, with the log of the run, is that of the job. */
async function run() {
  const args = ['run', env.INPUT_WORKFLOW ?? '', '--json'];
  for (const line of linesOf(env.INPUT_PARAMS)) args.push('--param', line);
  for (const line of linesOf(env.INPUT_LABELS)) args.push('--label', line);
  args.push(...linesOf(env.INPUT_FLAGS));
  // What the steps of the workflow run is not given the token.
  const { INPUT_TOKEN, ...inherited } = env;
  const child = spawn('stepspan', args, { env: inherited, stdio: ['ignore', 'pipe', 'inherit'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      say(`stepspan cannot be started: ${error.message}. Leave \`version\` out, or put stepspan on the PATH.`);
      resolve(127);
    });
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  return { code, result: parse(text) };
}

/** Undefined for a run that was refused: the reason is in the log. */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value.runId === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function setOutputs(result) {
  const { runId, outcome, costUsd, tokens } = result;
  const record = bundleOf(result);
  const outputs = { 'run-id': runId, outcome, 'cost-usd': costUsd ?? '', tokens, record };
  const lines = Object.entries(outputs).map(([name, value]) => `${name}=${value}\n`);
  if (env.GITHUB_OUTPUT) appendFileSync(env.GITHUB_OUTPUT, lines.join(''));
}

/** The record of the run as one file; '' if it could not be written. */
function bundleOf({ runId, dataDir }) {
  const file = path.join(env.RUNNER_TEMP || tmpdir(), `${runId}.stepspan`);
  const args = ['bundle', runId, '-o', file, '--data-dir', dataDir];
  const { status, stderr } = spawnSync('stepspan', args, { encoding: 'utf8' });
  if (status === 0) return file;
  say(`::warning::The record of the run could not be written as one file: ${stderr.trim().replaceAll('\n', '%0A')}`);
  return '';
}

function reportOf({ runId, dataDir }) {
  const shown = spawnSync('stepspan', ['show', runId, '--markdown', '--data-dir', dataDir], { encoding: 'utf8' });
  return shown.stdout;
}

/** One comment for each workflow of a pull request. */
async function comment(workflow, report) {
  const number = pullRequest();
  if (number === undefined) {
    say('No pull request started this job, so no comment is written.');
    return;
  }
  const comments = `${env.GITHUB_API_URL}/repos/${env.GITHUB_REPOSITORY}/issues/${number}/comments`;
  const marker = `<!-- stepspan ${encodeURIComponent(workflow)} -->`;
  try {
    const own = await findComment(comments, marker);
    const url =
      own === undefined ? comments : `${env.GITHUB_API_URL}/repos/${env.GITHUB_REPOSITORY}/issues/comments/${own.id}`;
    await request(url, own === undefined ? 'POST' : 'PATCH', { body: `${marker}\n${report}` });
  } catch (error) {
    say(`::warning::The comment of the pull request could not be written: ${error.message}`);
  }
}

function pullRequest() {
  const [, ofRef] = /^refs\/pull\/(\d+)\//.exec(env.GITHUB_REF ?? '') ?? [];
  if (ofRef !== undefined) return ofRef;
  if (!env.GITHUB_EVENT_PATH) return undefined;
  const event = JSON.parse(readFileSync(env.GITHUB_EVENT_PATH, 'utf8'));
  return event.pull_request?.number ?? (event.issue?.pull_request && event.issue.number);
}

async function findComment(comments, marker) {
  for (let page = 1; page <= maxPages; page++) {
    const found = await request(`${comments}?per_page=100&page=${page}`, 'GET');
    const own = found.find(({ body }) => body?.startsWith(marker));
    if (own !== undefined || found.length < 100) return own;
  }
  return undefined;
}

async function request(url, method, content) {
  const answer = await fetch(url, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${env.INPUT_TOKEN}`,
      'user-agent': 'stepspan',
      'x-github-api-version': '2022-11-28',
    },
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
  });
  if (answer.ok) return answer.json();
  const fix =
    answer.status === 403 || answer.status === 404
      ? ' Give the job the permission `pull-requests: write`; a pull request of a fork has none.'
      : '';
  throw new Error(`GitHub answered ${answer.status} to ${method} ${new URL(url).pathname}.${fix}`);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function linesOf(text = '') {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
