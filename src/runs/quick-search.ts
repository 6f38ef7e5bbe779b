// Which runs a search for a text can leave out: by the index of the data folder, and by the bytes of the journal without making records of
// them. Called by `stepspan search` and, through the catalogue, by the API.
import { type DataFolder, everyFrame, type Frame, type RunFolder } from '../journal/index.ts';
import { askSearchIndex } from './search-index.ts';
import { mayHold, type Selection } from './select-records.ts';

/** Says of nearly every run without the text that it has no such line, without reading records of it. Never so of one that has. */
export function createQuickTest(data: DataFolder, { search, streams }: Selection): (folder: RunFolder) => boolean {
  if (search?.kind !== 'text') return () => true;
  const needle = Buffer.from(search.text);
  const isIndexed = streams !== undefined && !streams.includes('debug');
  const isUnwanted = ({ kind, stream }: Pick<Frame, 'kind' | 'stream'>): boolean =>
    kind === 'event' || (streams !== undefined && stream !== undefined && !streams.includes(stream));
  const mayHoldText = isIndexed ? askSearchIndex(data, search.text) : () => true;
  return (folder) =>
    mayHoldText(folder.runId) &&
    !everyFrame(
      folder,
      // A text may be divided over two pieces of a line.
      (frame) => isUnwanted(frame) || !(frame.continues || frame.unterminated || mayHold(frame.payload, needle)),
    );
}
