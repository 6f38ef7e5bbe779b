// The job of a CI system in which a run is started, read from the variables that the system documents for it, and the labels that
// follow from it. Pure. Called by run-workflow.ts when a run starts, and by run-labels.ts.
import type { CiSystem } from '../core/ci.ts';
import type { CiJob, VersionControl } from '../core/event.ts';
import { type Labels, problemOfLabelValue, withoutEmpty } from '../core/labels.ts';
import { webAddress } from './version-control.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Read = (env: Env) => Partial<Record<Exclude<keyof CiJob, 'system'>, string | undefined>>;

/** How to know a system, and where it says what. In this order: a self-hosted runner of one can run inside another. */
const systems: readonly { readonly system: CiSystem; readonly isIn: (env: Env) => boolean; readonly read: Read }[] = [
  // https://docs.github.com/en/actions/reference/workflows-and-actions/variables
  { system: 'github', isIn: (env) => env.GITHUB_ACTIONS === 'true', read: githubJob },
  // https://docs.gitlab.com/ci/variables/predefined_variables/
  {
    system: 'gitlab',
    isIn: (env) => env.GITLAB_CI === 'true',
    read: (env) => ({
      url: env.CI_JOB_URL,
      repository: env.CI_PROJECT_PATH,
      // Absent in a pipeline of a tag; that of a merge request has the name of its source.
      branch: env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME || env.CI_COMMIT_BRANCH,
      commit: env.CI_COMMIT_SHA,
      actor: env.GITLAB_USER_LOGIN,
      change: env.CI_MERGE_REQUEST_IID,
    }),
  },
  // https://buildkite.com/docs/pipelines/configure/environment-variables
  {
    system: 'buildkite',
    isIn: (env) => env.BUILDKITE === 'true',
    read: (env) => ({
      url: env.BUILDKITE_BUILD_URL && env.BUILDKITE_JOB_ID && `${env.BUILDKITE_BUILD_URL}#${env.BUILDKITE_JOB_ID}`,
      repository: repositoryOf(env.BUILDKITE_REPO),
      // A build of a tag has the name of the tag as its branch.
      branch: env.BUILDKITE_TAG ? undefined : env.BUILDKITE_BRANCH,
      commit: env.BUILDKITE_COMMIT,
      actor: env.BUILDKITE_BUILD_CREATOR,
      change: env.BUILDKITE_PULL_REQUEST === 'false' ? undefined : env.BUILDKITE_PULL_REQUEST,
    }),
  },
  // https://circleci.com/docs/variables/#built-in-environment-variables
  {
    system: 'circleci',
    isIn: (env) => env.CIRCLECI === 'true',
    read: (env) => ({
      url: env.CIRCLE_BUILD_URL,
      repository: joined(env.CIRCLE_PROJECT_USERNAME, env.CIRCLE_PROJECT_REPONAME),
      branch: env.CIRCLE_BRANCH,
      commit: env.CIRCLE_SHA1,
      actor: env.CIRCLE_USERNAME,
      change: env.CIRCLE_PR_NUMBER || /\/(\d+)$/.exec(env.CIRCLE_PULL_REQUEST ?? '')?.[1],
    }),
  },
  // https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables, and of its Git and branch plugins
  {
    system: 'jenkins',
    isIn: (env) => Boolean(env.JENKINS_URL && env.BUILD_NUMBER),
    read: (env) => ({
      url: env.BUILD_URL,
      repository: repositoryOf(env.GIT_URL),
      branch: env.CHANGE_BRANCH || env.BRANCH_NAME || env.GIT_BRANCH?.replace(/^origin\//, ''),
      commit: env.GIT_COMMIT,
      actor: env.BUILD_USER_ID || env.CHANGE_AUTHOR,
      change: env.CHANGE_ID,
    }),
  },
  // Argo Workflows sets ARGO_NODE_ID alone in a container; docs/workflow.md says which others to pass.
  {
    system: 'argo',
    isIn: (env) => Boolean(env.ARGO_NODE_ID || env.ARGO_WORKFLOW_NAME),
    read: (env) => ({
      url: env.ARGO_WORKFLOW_URL,
      repository: env.ARGO_REPOSITORY,
      branch: env.ARGO_BRANCH,
      commit: env.ARGO_COMMIT_SHA,
      actor: env.ARGO_ACTOR,
      change: env.ARGO_PULL_REQUEST,
    }),
  },
];

/** Undefined outside of the systems that are known. What a system does not say is left out. */
export function ciJobIn(env: Env): CiJob | undefined {
  const found = systems.find(({ isIn }) => isIn(env));
  if (found === undefined) return undefined;
  const { url, ...facts } = found.read(env);
  const said = Object.entries({ url: url && webPage(url), ...facts }).filter(([, value]) => Boolean(value));
  return { system: found.system, ...Object.fromEntries(said) };
}

/** A job checks out a commit and no branch: that of the same commit is what it says. */
export function withBranchOfCi(found: VersionControl | undefined, job: CiJob | undefined): VersionControl | undefined {
  const { branch, commit } = job ?? {};
  const isSame = found?.branch === undefined && found?.revision !== undefined && found.revision === commit;
  return isSame && branch !== undefined ? { ...found, branch } : found;
}

/** Short facts to find and to group runs by. One that cannot be a label, such as a very long name, is left out. */
export function labelsOfCi(job: CiJob | undefined): Labels {
  if (job === undefined) return {};
  const { system, repository = '', branch = '', actor = '', change = '' } = job;
  const labels = Object.entries({ ci: system, repository, branch, actor, pr: change });
  return withoutEmpty(
    Object.fromEntries(labels.filter(([key, value]) => problemOfLabelValue(value, key) === undefined)),
  );
}

function githubJob(env: Env): ReturnType<Read> {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  const page = server && repository && run && `${server}/${repository}/actions/runs/${run}`;
  return {
    url: page && env.GITHUB_RUN_ATTEMPT ? `${page}/attempts/${env.GITHUB_RUN_ATTEMPT}` : page,
    repository,
    // GITHUB_HEAD_REF is the branch of a pull request, for which the ref itself is that of the merge.
    branch: env.GITHUB_HEAD_REF || (env.GITHUB_REF_TYPE === 'branch' ? env.GITHUB_REF_NAME : undefined),
    commit: env.GITHUB_SHA,
    actor: env.GITHUB_ACTOR,
    change: /^refs\/pull\/(\d+)\//.exec(env.GITHUB_REF ?? '')?.[1],
  };
}

/** The page becomes a link: nothing but the web is taken, and credentials stay out. */
function webPage(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return /^https?:$/.test(url.protocol) ? url.href : undefined;
}

/** `owner/name` of what Git fetches from. */
function repositoryOf(remote: string | undefined): string | undefined {
  const address = webAddress(remote);
  return address === undefined ? undefined : new URL(address).pathname.slice(1);
}

function joined(owner: string | undefined, name: string | undefined): string | undefined {
  return owner && name ? `${owner}/${name}` : undefined;
}
