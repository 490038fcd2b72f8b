import type { SystemCard } from '@pith/core'

/** What the store of an index is, and what backs its claims. */
export const card: SystemCard = {
  id: 'index-store',
  title: 'Index store: a search index in a folder or in one file',
  summary:
    'Segments that do not change, a log of what came since, one writer and many readers; words, sparse vectors, vectors and their codes in one index, with conditions, counts and joined rankings. As one file it is read from a web server a few kilobytes at a time.',
  entryPoints: [
    'pith index build DIR -o docs.pith',
    'pith index search docs.pith QUERY',
    "import { openIndex } from '@pith/index/store'",
    "import { createIndex, openIndex, openWriter, snapshotIndex } from '@pith/index/store/node'",
  ],
  differences: [
    'After the log-structured merge trees that Lucene and tantivy use; there is no one paper.',
    'Rows of a segment stand in the order of their ids, so that equal scores come in the same order however documents are spread over segments.',
    'BM25 counts documents and words over all segments before any of them is scored.',
    'Readers keep the files of their moment open; nothing waits for them.',
    'Centroids are those of the whole index: segments hold codes only, and training anew writes all of them.',
  ],
  benchmark: 'index',
}
