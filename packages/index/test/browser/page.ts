import { type IndexReader, type IndexSearch, openIndex, type SearchResult } from '@pith/index/store'

let index: IndexReader | undefined

const inPage = {
  /** Open a served index by its address, or as a Blob. @returns documents */
  async open(name: string, how: 'url' | 'blob'): Promise<number> {
    await index?.close()
    const url = new URL(name, location.href)
    index = await openIndex(how === 'url' ? url : await (await fetch(url)).blob())
    return index.info.documents
  },
  async search(query: string | IndexSearch): Promise<SearchResult | undefined> {
    return index?.search(query)
  },
  /** The code of what goes wrong when a file is opened. */
  async failure(name: string): Promise<string> {
    return openIndex(new URL(name, location.href)).then(
      () => 'none',
      (error) => error.code,
    )
  },
}

export type InPage = typeof inPage

Object.assign(globalThis, { inPage })
