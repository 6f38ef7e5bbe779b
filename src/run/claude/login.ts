// Whether Claude Code is logged in. Called by preflight and `doctor`. Only a definite "no" stops a run: a login that cannot be
// seen from outside, as of a cloud provider or a key helper, must not.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { askClaude } from './ask-claude.ts';
import type { ClaudeProgram } from './find-claude.ts';
import { authStatusSince, isOlder } from './versions.ts';

export type Login =
  | { readonly kind: 'logged_in'; readonly how: string }
  | { readonly kind: 'logged_out' }
  /** Only a request to the API would show it. */
  | { readonly kind: 'unknown'; readonly why: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** Each is a login by itself. */
const loginVariables = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR',
  'CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR',
] as const;

/** With one of them, a provider other than Anthropic checks the login. */
const providerVariable = /^CLAUDE_CODE_USE_[A-Z_]+$/;

/** Settings that log in, or that point to another login. */
const settingsLogin = /apiKeyHelper|ANTHROPIC_|CLAUDE_CODE_USE_|CLAUDE_CODE_OAUTH|CLAUDE_CONFIG_DIR|forceLogin/;

/** What the environment alone says. */
export function loginOfEnvironment(env: Environment): Login | undefined {
  const variable = loginVariables.find((name) => env[name]);
  if (variable !== undefined) return { kind: 'logged_in', how: variable };
  const provider = Object.keys(env).find((name) => providerVariable.test(name) && env[name] && env[name] !== '0');
  return provider === undefined ? undefined : { kind: 'logged_in', how: provider };
}

/** @param cwd the folder in which it will run: settings files there count */
export async function askLogin(program: ClaudeProgram, env: Environment, cwd: string): Promise<Login> {
  const known = loginOfEnvironment(env);
  if (known !== undefined) return known;
  const file = settingsFiles(env, cwd).find(hasLogin);
  if (file !== undefined) return { kind: 'unknown', why: `${file} may log in` };
  if (isOlder(program.version, authStatusSince)) {
    return { kind: 'unknown', why: `only Claude Code ${authStatusSince} and newer can be asked` };
  }
  const { stdout } = await askClaude(program.path, ['auth', 'status'], { env, cwd });
  try {
    const { loggedIn, authMethod } = JSON.parse(stdout);
    if (loggedIn === false) return { kind: 'logged_out' };
    if (loggedIn === true) return { kind: 'logged_in', how: typeof authMethod === 'string' ? authMethod : 'yes' };
  } catch {}
  return { kind: 'unknown', why: '`claude auth status` gave no answer' };
}

/** Whether a login is stored, as `/login` leaves one on Linux. Read in place of asking, which takes half a second. */
export function hasStoredLogin(env: Environment): boolean {
  try {
    const text = readFileSync(path.join(configFolder(env), '.credentials.json'), 'utf8');
    return typeof JSON.parse(text).claudeAiOauth?.refreshToken === 'string';
  } catch {
    return false;
  }
}

function configFolder(env: Environment): string {
  return env.CLAUDE_CONFIG_DIR || path.join(env.HOME ?? '', '.claude');
}

function settingsFiles(env: Environment, cwd: string): readonly string[] {
  const own = path.join(configFolder(env), 'settings.json');
  const project = ['settings.json', 'settings.local.json'].map((name) => path.join(cwd, '.claude', name));
  const managed = ['/etc/claude-code', '/Library/Application Support/ClaudeCode'];
  return [own, ...project, ...managed.map((folder) => path.join(folder, 'managed-settings.json'))];
}

function hasLogin(file: string): boolean {
  try {
    return existsSync(file) && settingsLogin.test(readFileSync(file, 'utf8'));
  } catch {
    return true;
  }
}
