// Where an archive is, as people write it: `s3://bucket/prefix`, `file:///folder`, or the path of a folder. Pure.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRunId, type RunId } from '../core/ids.ts';
import { failed, ok, type Result } from '../core/result.ts';

export type ArchiveLocation =
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'folder'; readonly folder: string };

export type LocationProblem = { readonly wrong: string; readonly write: string };

const example = '`s3://bucket/prefix`, `file:///folder` or the path of a folder';

/** Whether a text is meant as the address of an archive, and not as a path or as a run. */
export function isArchiveUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** @param base the folder that a relative path starts from */
export function parseLocation(text: string, base: string): Result<ArchiveLocation, LocationProblem> {
  if (!isArchiveUrl(text)) return ok({ kind: 'folder', folder: path.resolve(base, text) });
  const url = URL.parse(text);
  switch (url?.protocol) {
    case 's3:':
      return parseS3(url);
    case 'file:':
      if (url.host !== '') return failed({ wrong: 'on another machine', write: `three slashes, \`file:///folder\`` });
      return ok({ kind: 'folder', folder: path.resolve(fileURLToPath(url)) });
    default:
      return failed({ wrong: 'not the address of an archive', write: example });
  }
}

/** The address of an archive, the same one for each way to write it. */
export function locationText(location: ArchiveLocation): string {
  if (location.kind === 'folder') return location.folder;
  return `s3://${location.bucket}${location.prefix === '' ? '' : `/${location.prefix}`}`;
}

function parseS3(url: URL): Result<ArchiveLocation, LocationProblem> {
  if (url.username !== '' || url.password !== '') {
    const write = '`s3://bucket/prefix`, and the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or in a profile';
    return failed({ wrong: 'an address with a key in it', write });
  }
  if (url.search !== '' || url.hash !== '' || url.port !== '') {
    return failed({
      wrong: 'more than a bucket and a prefix',
      write: `${example}; AWS_ENDPOINT_URL_S3 names the server`,
    });
  }
  // The rule of S3, and of the stores that are like it.
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname)) {
    return failed({ wrong: 'without the name of a bucket', write: example });
  }
  const parts = decodeURIComponent(url.pathname)
    .split('/')
    .filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..'))
    return failed({ wrong: 'a prefix with dots', write: example });
  return ok({ kind: 's3', bucket: url.hostname, prefix: parts.join('/') });
}

/** An address with a run at its end, as the archive and the run. */
export function splitRun(location: ArchiveLocation): { readonly location: ArchiveLocation; readonly runId?: RunId } {
  const parts = (location.kind === 's3' ? location.prefix : location.folder).split('/');
  const runId = parts.pop() ?? '';
  if (!isRunId(runId)) return { location };
  if (parts.at(-1) === 'runs') parts.pop();
  const rest = parts.join('/');
  return {
    location: location.kind === 's3' ? { ...location, prefix: rest } : { kind: 'folder', folder: rest || '/' },
    runId,
  };
}
