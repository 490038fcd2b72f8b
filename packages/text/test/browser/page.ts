import { type Codec, concatBytes, httpSource, MemorySink, Sha256, toHex, toSource } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { generalCodec } from '@pith/core/general'
import { compressLog, type LogzipOptions, logzipCodec } from '@pith/text/logzip'
import type { SearchAnswer, SearchCall } from './search.ts'

const CODECS: readonly Codec[] = [generalCodec, logzipCodec]

/** One decoded entry of a file. */
export interface Decoded {
  path?: string
  codec: string
  bytes: number
  sha256: string
}

/** What a test may do in the page. */
export const inPage = {
  /** Decode every entry of a served file. */
  async decode(name: string, threads: number): Promise<Decoded[]> {
    const container = await openContainer(await httpSource(new URL(name, location.href)))
    const entries: Decoded[] = []
    for await (const entry of container.entries()) {
      const codec = CODECS.find(({ id }) => id === entry.codec)
      if (codec === undefined) throw new Error(`no codec ${entry.codec}`)
      const hash = new Sha256()
      let bytes = 0
      for await (const piece of iterate(codec.decode(entry, { threads }))) {
        hash.update(piece)
        bytes += piece.length
      }
      const { path } = entry
      entries.push({ ...(path === undefined ? {} : { path }), codec: codec.id, bytes, sha256: toHex(hash.digest()) })
    }
    await container.close()
    return entries
  },
  /** Search a served file in a worker: as a File that was downloaded, or by ranges. */
  async search(name: string, as: 'file' | 'url', query: SearchCall['query']): Promise<SearchAnswer> {
    const url = new URL(name, location.href).href
    const target = as === 'url' ? url : new File([await (await fetch(url)).blob()], name)
    const worker = new Worker('./search.js', { type: 'module' })
    try {
      return await new Promise<SearchAnswer>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<SearchAnswer>) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
        worker.postMessage({ target, query } satisfies SearchCall)
      })
    } finally {
      worker.terminate()
    }
  },
  /** Compress a served file; the result as Latin-1. */
  async compress(name: string, options: LogzipOptions & { threads?: number }): Promise<string> {
    const pieces: Uint8Array[] = []
    for await (const piece of compressLog(await (await fetch(name)).blob(), options)) pieces.push(piece)
    return latin1(concatBytes(pieces))
  },
  /** Code a served file with the general codec. */
  async compressGeneral(name: string): Promise<string> {
    const sink = new MemorySink()
    const container = createContainer(sink)
    const entry = await container.entry({ codec: generalCodec.id, version: generalCodec.version })
    await generalCodec.encode(toSource(await (await fetch(name)).blob()), entry, {})
    await entry.finish()
    await container.finish()
    return latin1(sink.bytes())
  },
}

export type InPage = typeof inPage

async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  return text
}

Object.assign(globalThis, { inPage })
