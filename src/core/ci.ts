// The CI systems whose jobs stepspan knows, and what people call them. Pure; the library, the API and the page share it.
export const ciSystems = ['github', 'gitlab', 'buildkite', 'circleci', 'jenkins', 'argo'] as const;

export type CiSystem = (typeof ciSystems)[number];

export const ciNames: Readonly<Record<CiSystem, string>> = {
  github: 'GitHub Actions',
  gitlab: 'GitLab CI',
  buildkite: 'Buildkite',
  circleci: 'CircleCI',
  jenkins: 'Jenkins',
  argo: 'Argo Workflows',
};
