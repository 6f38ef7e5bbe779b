// An archive in S3, or in a store that speaks as S3 does, by the official SDK. Credentials, region, endpoint, proxy and profile are the
// SDK's own business (AWS_* variables, ~/.aws, roles). Loaded by open-store.ts only for an archive that is used.
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { errorCode } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { ArchiveLocation } from './location.ts';
import { locationText } from './location.ts';
import { ArchiveError, type ArchiveStore, type GetOptions, type PutCondition, type PutResult } from './store.ts';

export type S3Options = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How the store is to encrypt what it gets; by default as the bucket says. */
  readonly encryption?: 'AES256' | 'aws:kms' | undefined;
  /** The key of `aws:kms`; by default that of the account. */
  readonly kmsKey?: string | undefined;
};

/** A store that does not take the connection within it is away; one that takes longer for an answer is too slow to wait for. */
const connectMs = 5_000;
const answerMs = 60_000;

/** The SDK tries so often by itself; who calls tries again after a longer wait. */
const tries = 3;

export function openS3Store(location: Extract<ArchiveLocation, { kind: 's3' }>, options: S3Options): ArchiveStore {
  const { bucket, prefix } = location;
  const { env, encryption, kmsKey } = options;
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const client = new S3Client({
    maxAttempts: tries,
    requestHandler: { connectionTimeout: connectMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
    // Other stores than Amazon's have one name for all buckets, and most of them no regions.
    ...(endpoint ? { forcePathStyle: true } : {}),
    ...(endpoint && !env.AWS_REGION && !env.AWS_PROFILE ? { region: env.AWS_DEFAULT_REGION || 'us-east-1' } : {}),
  });
  const keyOf = (name: string): string => (prefix === '' ? name : `${prefix}/${name}`);
  const shown = (name: string): string => `s3://${bucket}/${keyOf(name)}`;
  const encrypted =
    encryption === undefined
      ? {}
      : { ServerSideEncryption: encryption, ...(kmsKey === undefined ? {} : { SSEKMSKeyId: kmsKey }) };

  return {
    location: locationText(location),
    async get(name, { range, signal }: GetOptions = {}) {
      try {
        const answer = await client.send(
          new GetObjectCommand({
            Bucket: bucket,
            Key: keyOf(name),
            ...(range === undefined ? {} : { Range: `bytes=${range.from}-${range.from + range.bytes - 1}` }),
          }),
          abortedBy(signal),
        );
        const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
        return { bytes, version: answer.ETag ?? '' };
      } catch (error) {
        if (nameOf(error) === 'NoSuchKey') return undefined;
        throw failure(error, shown(name), 'reading it');
      }
    },
    async put(name, bytes, condition, signal) {
      try {
        const answer = await client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: keyOf(name),
            Body: bytes,
            ...encrypted,
            ...headersOf(condition),
          }),
          abortedBy(signal),
        );
        return { kind: 'stored', version: answer.ETag ?? '' } satisfies PutResult;
      } catch (error) {
        if (isConflict(error, condition)) return { kind: 'conflict' };
        throw failure(error, shown(name), 'writing it');
      }
    },
    async folders(name, signal) {
      const below = keyOf(`${name}/`);
      const found: string[] = [];
      try {
        for (let next: string | undefined; ; ) {
          const answer = await client.send(
            new ListObjectsV2Command({ Bucket: bucket, Prefix: below, Delimiter: '/', ContinuationToken: next }),
            abortedBy(signal),
          );
          for (const { Prefix = '' } of answer.CommonPrefixes ?? []) found.push(Prefix.slice(below.length, -1));
          next = answer.NextContinuationToken;
          if (next === undefined) return found.sort();
        }
      } catch (error) {
        throw failure(error, shown(`${name}/`), 'listing it');
      }
    },
    close: () => client.destroy(),
  };
}

function abortedBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

function headersOf(condition: PutCondition): { IfNoneMatch: string } | { IfMatch: string } {
  return condition.kind === 'new' ? { IfNoneMatch: '*' } : { IfMatch: condition.version };
}

/** 409 is for two writers at the same moment, and 404 for an object that was to be replaced and is gone. */
function isConflict(error: unknown, condition: PutCondition): boolean {
  const status = statusOf(error);
  if (status === 412 || (status === 409 && nameOf(error) === 'ConditionalRequestConflict')) return true;
  return condition.kind === 'replace' && nameOf(error) === 'NoSuchKey';
}

function statusOf(error: unknown): number | undefined {
  const metadata = isObject(error) ? error.$metadata : undefined;
  return isObject(metadata) && typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function nameOf(error: unknown): string {
  return isObject(error) && typeof error.name === 'string' ? error.name : '';
}

/** What the SDK or the store says, with the object it is about and what to do. Messages of the SDK hold no secrets. */
function failure(error: unknown, object: string, doing: string): ArchiveError {
  const status = statusOf(error);
  const name = nameOf(error);
  const said = isObject(error) && typeof error.message === 'string' ? error.message : String(error);
  const why = [name === 'Error' ? '' : name, status === undefined ? '' : `HTTP ${status}`]
    .filter((part) => part !== '')
    .join(', ');
  const { kind, remedy } = adviceFor(name, status, error);
  const text = `${object}: ${doing} failed: ${why === '' ? '' : `${why}: `}${said.replace(/\.$/, '')}; ${remedy}`;
  return new ArchiveError(kind, text, error);
}

type Advice = { readonly kind: ArchiveError['kind']; readonly remedy: string };

const unreachable: Advice = { kind: 'unreachable', remedy: 'check the network, and AWS_ENDPOINT_URL_S3 if it is set' };

/** By the code that a store answers with, or that of the SDK if it could not ask at all. */
const advice: Readonly<Record<string, Advice>> = {
  AbortError: { kind: 'aborted', remedy: 'the wait for it has ended' },
  NoSuchBucket: { kind: 'refused', remedy: 'create the bucket, or correct its name in STEPSPAN_ARCHIVE' },
  AccessDenied: {
    kind: 'refused',
    remedy: 'allow these credentials s3:GetObject, s3:PutObject and s3:ListBucket there',
  },
  CredentialsProviderError: {
    kind: 'refused',
    remedy: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role',
  },
  NotImplemented: { kind: 'refused', remedy: 'this store cannot write on a condition (If-Match); use one that can' },
  EntityTooLarge: { kind: 'refused', remedy: 'raise the limit of the store for one object to 64 MiB' },
  TimeoutError: unreachable,
};

function adviceFor(name: string, status: number | undefined, error: unknown): Advice {
  const known = advice[name];
  if (known !== undefined) return known;
  const code = errorCode(error) ?? '';
  if (status === undefined && /^(E[A-Z_]+|UND_ERR_.*)$/.test(code)) return unreachable;
  if (/region is missing/i.test(String(error)) || status === 301)
    return { kind: 'refused', remedy: 'set AWS_REGION to the region of the bucket' };
  if (status === 401 || status === 403)
    return {
      kind: 'refused',
      remedy: 'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE',
    };
  if (status === 507) return { kind: 'busy', remedy: 'make room in the store' };
  if (status === undefined || status === 429 || status >= 500) return { kind: 'busy', remedy: 'it is tried again' };
  return { kind: 'refused', remedy: 'check STEPSPAN_ARCHIVE and the settings of the store' };
}
