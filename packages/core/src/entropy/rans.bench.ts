/** The bench of the entropy coders: `npm run bench -- rans`. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliCompressSync, constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Bench, BenchContext, Figures } from '../../../../benchmarks/measure/case.ts'
import { dataFolder, heldOutLogs, NO_DATA } from '../../../../benchmarks/measure/data.ts'
import { versionOf, XZ } from '../../../../benchmarks/measure/peers.ts'
import { median, spread } from '../../../../benchmarks/measure/statistics.ts'
import { textTable } from '../../../../benchmarks/measure/table.ts'
import { equalBytes } from '../bytes.ts'
import { decodeRans, encodeRans } from './rans.ts'
import { decodeRansAdaptive, encodeRansAdaptive } from './rans-adaptive.ts'
import { decodeText, encodeText } from './text.ts'

interface Coder {
  readonly name: string
  readonly encode: (data: Uint8Array) => Uint8Array
  readonly decode: (code: Uint8Array, length: number) => Uint8Array
}

interface Timed {
  readonly encode: number[]
  readonly decode: number[]
  bytes: number
}

const HUFFMAN: Coder = {
  name: 'zlib Huffman only',
  encode: (data) => deflateRawSync(data, { strategy: constants.Z_HUFFMAN_ONLY }),
  decode: (code) => inflateRawSync(code),
}

const RANS: readonly Coder[] = [
  { name: 'order 0', encode: (data) => encodeRans(data, { order: 0 }), decode: decodeRans },
  { name: 'order 1', encode: (data) => encodeRans(data, { order: 1 }), decode: decodeRans },
  { name: 'adaptive order 1', encode: (data) => encodeRansAdaptive(data, 1), decode: decodeRansAdaptive },
]

const TEXT: Coder = { name: 'text model', encode: (data) => encodeText(data), decode: decodeText }

function cpuMs(task: () => Uint8Array): [ms: number, result: Uint8Array] {
  const before = process.cpuUsage()
  const result = task()
  const { user, system } = process.cpuUsage(before)
  return [(user + system) / 1000, result]
}

/** Time coders in turn, A B A B; the first round warms up and is dropped. A round works on at least `least` bytes. */
function measure(coders: readonly Coder[], data: Uint8Array, repeats: number, least: number): Timed[] {
  const times: Timed[] = coders.map(() => ({ encode: [], decode: [], bytes: 0 }))
  const loops = Math.max(1, Math.ceil(least / data.length))
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [i, coder] of coders.entries()) {
      let code: Uint8Array = new Uint8Array(0)
      let back: Uint8Array = code
      const [encode] = cpuMs(() => {
        for (let k = 0; k < loops; k++) code = coder.encode(data)
        return code
      })
      const [decode] = cpuMs(() => {
        for (let k = 0; k < loops; k++) back = coder.decode(code, data.length)
        return back
      })
      if (!equalBytes(back, data)) throw new Error(`${coder.name} does not give the bytes back`)
      times[i].bytes = code.length
      if (repeat === 0) continue
      times[i].encode.push(encode / loops)
      times[i].decode.push(decode / loops)
    }
  }
  return times
}

function figuresOf(timed: Timed, bytes: number): Figures {
  return {
    ratio: bytes / timed.bytes,
    bytes: timed.bytes,
    encodeMBps: bytes / 1000 / median(timed.encode),
    decodeMBps: bytes / 1000 / median(timed.decode),
  }
}

function inputs(context: BenchContext): string[] {
  const folder = dataFolder()
  if (folder === undefined) {
    context.say(NO_DATA)
    return heldOutLogs(context.cache)
      .slice(0, 3)
      .map((file) => file.path)
  }
  const names = ['corpus/alice29.txt', 'corpus/world192.txt', 'logs/Linux_2k.log', 'logs/Linux_full.log']
  return names.map((name) => join(folder, 'text', name)).filter((path) => existsSync(path))
}

function benchSpeed(context: BenchContext): void {
  const rows: string[][] = []
  for (const path of inputs(context)) {
    const data = new Uint8Array(readFileSync(path))
    const [peer, ...ours] = measure([HUFFMAN, ...RANS], data, context.repeats, 4e6 * context.scale)
    const theirs = figuresOf(peer, data.length)
    for (const [i, timed] of ours.entries()) {
      const figures = figuresOf(timed, data.length)
      context.add({
        system: 'rans',
        kind: 'speed',
        peer: { name: HUFFMAN.name, version: process.versions['zlib'] ?? '' },
        data: { name: basename(path), bytes: data.length },
        params: { coder: RANS[i].name },
        ours: figures,
        theirs,
        vs: {
          ratio: figures.ratio! / theirs.ratio!,
          encode: figures.encodeMBps! / theirs.encodeMBps!,
          decode: figures.decodeMBps! / theirs.decodeMBps!,
        },
        repeats: context.repeats,
        spread: spread(timed.decode),
      })
      rows.push([basename(path), RANS[i].name, String(timed.bytes), mbps(figures.encodeMBps), mbps(figures.decodeMBps)])
    }
    rows.push([basename(path), HUFFMAN.name, String(peer.bytes), mbps(theirs.encodeMBps), mbps(theirs.decodeMBps)])
  }
  context.say(textTable(['file', 'coder', 'bytes', 'encode MB/s', 'decode MB/s'], rows))
}

function mbps(value: number | undefined): string {
  return (value ?? 0).toFixed(value !== undefined && value < 10 ? 2 : 0)
}

/** Sizes of the text model against what a person would use, speed against xz. */
function benchText(context: BenchContext): void {
  const rows: string[][] = []
  const version = versionOf('xz')
  for (const path of inputs(context)) {
    const data = new Uint8Array(readFileSync(path))
    const xz: Coder = {
      name: XZ.name,
      encode: (bytes) => execFileSync(XZ.compress[0]!, XZ.compress.slice(1), { input: bytes, maxBuffer: 2 ** 30 }),
      decode: (bytes) => execFileSync(XZ.decompress[0]!, XZ.decompress.slice(1), { input: bytes, maxBuffer: 2 ** 30 }),
    }
    const [timed] = measure([TEXT], data, 1, 0)
    const figures = figuresOf(timed, data.length)
    const theirs: Figures = { bytes: xz.encode(data).length }
    const brotli = brotliCompressSync(data, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
      },
    }).length
    context.add({
      system: 'rans',
      kind: 'text',
      peer: { name: XZ.name, version },
      data: { name: basename(path), bytes: data.length },
      params: { coder: TEXT.name, brotli11: brotli },
      ours: figures,
      theirs,
      vs: { bytes: timed.bytes / theirs.bytes! },
      repeats: 1,
    })
    rows.push([
      basename(path),
      String(timed.bytes),
      String(theirs.bytes),
      String(brotli),
      mbps(figures.encodeMBps),
      mbps(figures.decodeMBps),
    ])
  }
  context.say(textTable(['file', 'text model', XZ.name, 'brotli 11', 'encode MB/s', 'decode MB/s'], rows))
}

const PARTS: Readonly<Record<string, (context: BenchContext) => void>> = { speed: benchSpeed, text: benchText }

export const bench: Bench = {
  system: 'rans',
  parts: Object.keys(PARTS),
  async run(context) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 && !context.only.has(name)) continue
      context.say(`## rans: ${name}`)
      part(context)
    }
  },
}
