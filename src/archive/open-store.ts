// Opens the store of an archive by its address. The SDK for S3 is loaded only here, as it takes a quarter of a second.
import { openFolderStore } from './folder-store.ts';
import type { ArchiveLocation } from './location.ts';
import type { S3Options } from './s3-store.ts';
import type { ArchiveStore } from './store.ts';

export async function openStore(location: ArchiveLocation, options: S3Options): Promise<ArchiveStore> {
  if (location.kind === 'folder') return openFolderStore(location.folder);
  const { openS3Store } = await import('./s3-store.ts');
  return openS3Store(location, options);
}
