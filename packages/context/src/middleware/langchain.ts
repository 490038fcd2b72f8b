import { compressPassages } from '../passages.ts'
import type { PassageOptions } from '../select/passages.ts'
import type { CompressOptions, Span } from '../types.ts'

/** A document of LangChain.js, as far as it matters here. */
export interface LangChainDocument {
  pageContent: string
  metadata: Record<string, unknown>
  id?: string
}

/** How documents are cut; texts stand for titles under `titleKey` of the metadata. */
export interface DocumentCompressorOptions extends Omit<CompressOptions, 'query'>, PassageOptions {
  /** Default `title`. */
  titleKey?: string
}

/**
 * A document compressor of LangChain.js (`BaseDocumentCompressor`): documents that do not fit go, the others stay whole or in part.
 * `metadata.pith` says which slices are left.
 */
export class PithDocumentCompressor {
  readonly #options: DocumentCompressorOptions

  constructor(options: DocumentCompressorOptions) {
    this.#options = options
  }

  /** @throws PithError `PITH_BUDGET`, `PITH_ARG` */
  async compressDocuments<Document extends LangChainDocument>(
    documents: Document[],
    query: string,
  ): Promise<(Document & { metadata: { pith: { kept: readonly Span[] } } })[]> {
    const { titleKey = 'title', ...options } = this.#options
    const passages = documents.map(({ pageContent, metadata }) => {
      const title = metadata[titleKey]
      return typeof title === 'string' ? { title, text: pageContent } : { text: pageContent }
    })
    const result = await compressPassages(passages, query, options)
    return result.passages
      .filter(({ text }) => text !== '')
      .map(({ index, text, kept }) => {
        const document = documents[index] as Document
        return { ...document, pageContent: text, metadata: { ...document.metadata, pith: { kept } } }
      })
  }
}
