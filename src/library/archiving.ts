// Archives a run while it is written, if an archive is set, and at the end waits a bounded time until all of it is there. What remains
// is reported, and stays in the journal for `stepspan archive` or a hub. Called by run-workflow.ts.
import { parseLocation } from '../archive/index.ts';
import { toError } from '../core/errors.ts';
import { ok, type Result } from '../core/result.ts';
import type { RunFolder } from '../journal/index.ts';
import { type ArchiveTarget, leftText, startArchiveReader } from '../readers/archive/index.ts';
import type { EndWait, RunSettings } from './settings.ts';

export type ArchivingEnd = {
  readonly kind: 'off' | 'done' | 'pending';
  /** One sentence if something is left to do, else ''. */
  readonly message: string;
};

export type Archiving = {
  /** Waits for everything in the journal to be in the archive, then stops. Never rejects. */
  readonly finish: (wait: EndWait) => Promise<ArchivingEnd>;
};

type ArchiveSettings = Pick<RunSettings, 'archive' | 'archiveEncryption' | 'archiveKmsKey' | 'env'>;

const off: Archiving = { finish: async () => ({ kind: 'off', message: '' }) };

/** Half the time of one core at most goes into compressing while the steps run. */
const duty = 0.5;

/**
 * What a machine that is gone takes with it is the part of the journal that was not closed yet, so a run that is archived closes it
 * four times as often as others do. A run of 10 GB has 640 files then.
 */
export const archivedSegmentBytes = 16 * 1024 * 1024;

/** The archive that the settings name, if they name one. */
export function archiveTargetOf(settings: ArchiveSettings): Result<ArchiveTarget | undefined> {
  const { archive, archiveEncryption: encryption, archiveKmsKey: kmsKey, env } = settings;
  if (typeof archive !== 'string') return ok(undefined);
  const parsed = parseLocation(archive, process.cwd());
  if (parsed.ok) return ok({ location: parsed.value, encryption, kmsKey, env });
  return {
    ok: false,
    problem: `the archive is ${JSON.stringify(archive)}, ${parsed.problem.wrong}; write ${parsed.problem.write}`,
  };
}

export async function startArchiving(folder: RunFolder, target: ArchiveTarget | undefined): Promise<Archiving> {
  if (target === undefined) return off;
  try {
    const start = await startArchiveReader({ folder, target, duty });
    if (start.kind === 'held') return leftTo(`process ${start.by.pid} on ${start.by.host} archives this run`);
    const { reader } = start;
    return {
      async finish({ ms, giveUp }) {
        const drained = await reader.drain(ms, giveUp === 'never' ? 'never' : 'early');
        await reader.stop();
        if (drained.kind === 'drained') return { kind: 'done', message: '' };
        return { kind: 'pending', message: leftText(folder, drained) };
      },
    };
  } catch (error) {
    return leftTo(
      `the run is not archived: ${toError(error).message}; \`stepspan archive ${folder.runId}\` tries again`,
    );
  }
}

function leftTo(message: string): Archiving {
  return { finish: async () => ({ kind: 'pending', message }) };
}
