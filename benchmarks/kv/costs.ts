/** What coding caches costs: bytes beyond the entropy, time against a prefill, bytes and time of a part. */
import { ByteReader, bytesAccess, countAccess } from '@pith/core'
import { decodeRans, decodeRansRows, encodeRansRows } from '@pith/core/entropy'
import { encodeKv, fitProfile, KvFile, type KvProfile } from '@pith/kv/cachegen'
import type { KvCache, Lm } from '@pith/lm'
import { frameCodec } from '../../packages/kv/src/cachegen/codec.ts'
import { gatherFrame } from '../../packages/kv/src/cachegen/frames.ts'
import { decodePlane, encodePlane } from '../../packages/kv/src/cachegen/plane.ts'
import { stepOf } from '../../packages/kv/src/cachegen/profile.ts'
import { codingTables, ESCAPE, REACH, SYMBOLS } from '../../packages/kv/src/cachegen/tables.ts'
import { type AcceptContext, atMost, costAtLeast, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { interleave } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { idsOfFile, loadKvModel, spreadWindows } from './setting.ts'

/** Rounds of each timing; the least counts. */
const ROUNDS = 7
const LEVEL = 3
const PRESETS = ['cachegen', 'pca'] as const

/** A model with room for many tokens, profiles, and the cache of a text. */
interface Long {
  readonly lm: Lm
  readonly name: string
  readonly ids: Int32Array
  readonly kv: KvCache
}

async function longCache(tokens: number): Promise<Long> {
  const { lm, name } = await loadKvModel(tokens)
  const ids = idsOfFile(lm, 'tinystories.lower.valid.txt', 20 * tokens).slice(0, tokens)
  const session = lm.session({ capacity: tokens })
  await session.prefill(ids, { logits: 'none' })
  return { lm, name, ids, kv: session.kv() }
}

async function profileFor(lm: Lm, preset: KvProfile['preset']): Promise<KvProfile> {
  const fit = spreadWindows(idsOfFile(lm, 'tinystories.lower.train.txt', 100_000), 384, 8)
  return await fitProfile(lm, fit, { preset })
}

/** CPU milliseconds of a task. */
async function cpuOf(task: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage()
  await task()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

/** CPU milliseconds of a prefill, and of coding its cache and back. */
export interface CodingTimes {
  readonly name: string
  readonly tokens: number
  readonly prefill: number
  readonly presets: Readonly<Record<(typeof PRESETS)[number], { readonly encode: number; readonly decode: number }>>
}

export async function measureTimes(tokens: number): Promise<CodingTimes> {
  const { lm, name, ids, kv } = await longCache(tokens)
  try {
    const tasks: Record<string, () => Promise<number>> = {
      prefill: () => cpuOf(() => lm.session({ capacity: tokens }).prefill(ids, { logits: 'none' })),
    }
    for (const preset of PRESETS) {
      const profile = await profileFor(lm, preset)
      const bytes = await encodeKv(kv, { profile, levels: [LEVEL] })
      // A profile is made ready once for all caches of a model.
      const file = await KvFile.open(bytes)
      tasks[`${preset} encode`] = () => cpuOf(() => encodeKv(kv, { profile, levels: [LEVEL], embed: false }))
      tasks[`${preset} decode`] = () => cpuOf(() => file.cache(lm.fingerprint))
    }
    const times = await interleave(tasks, ROUNDS)
    const least = (key: string): number => Math.min(...(times[key] as number[]))
    const own = (preset: string) => ({ encode: least(`${preset} encode`), decode: least(`${preset} decode`) })
    return { name, tokens, prefill: least('prefill'), presets: { cachegen: own('cachegen'), pca: own('pca') } }
  } finally {
    await lm.close()
  }
}

/** What the coder of planes adds to the entropy under its tables, and its speed. */
export interface CoderFigures {
  /** Bytes over the code length of its symbols. */
  readonly over: number
  /** The same of the whole plane, with its classes and escapes. */
  readonly plane: number
  readonly encodeMsyms: number
  readonly decodeMsyms: number
  readonly symbols: number
}

export async function measureCoder(preset: KvProfile['preset']): Promise<CoderFigures> {
  const { lm, kv } = await longCache(1024)
  try {
    const profile = await profileFor(lm, preset)
    const tables = codingTables(profile.tables)
    let [bytes, whole, ideal, symbols] = [0, 0, 0, 0]
    const rows: { symbols: Uint8Array; chosen: Uint8Array; coded: Uint8Array }[] = []
    const rest = kv.slice(4, kv.length)
    for (const [s, set] of profile.sets.entries()) {
      const { unit, classes } = set
      const frame = gatherFrame(rest, set)
      const own = classes.subarray((LEVEL - 1) * unit.length, LEVEL * unit.length)
      const plane = encodePlane(await frameCodec(profile).codes(s, stepOf(profile, LEVEL), frame), own, tables)
      const reader = new ByteReader(plane)
      const moved = decodeRans(reader.take(reader.varint()), own.length)
      const chosen = Uint8Array.from(moved, (by, c) => (by + (own[c] as number)) & 255)
      reader.take(reader.varint())
      const coded = reader.take(reader.remaining)
      const codes = decodePlane(plane, rest.length, own, tables)
      const seen = decodeRansRows(coded, rest.length, chosen, tables.rans)
      for (let i = 0; i < seen.length; i++) {
        const symbol = seen[i] as number
        if (symbol !== ESCAPE && symbol - REACH !== codes[i]) throw new Error('the plane is another one')
        ideal += (tables.cost[(chosen[Math.floor(i / rest.length)] as number) * SYMBOLS + symbol] as number) / 8
      }
      bytes += coded.length
      whole += plane.length
      symbols += seen.length
      rows.push({ symbols: seen, chosen, coded })
    }
    const times = await interleave(
      {
        encode: () =>
          cpuOf(async () => rows.map((own) => encodeRansRows(own.symbols, rest.length, own.chosen, tables.rans))),
        decode: () =>
          cpuOf(async () => rows.map((own) => decodeRansRows(own.coded, rest.length, own.chosen, tables.rans))),
      },
      3 * ROUNDS,
    )
    const speed = (key: string): number => symbols / 1000 / Math.min(...(times[key] as number[]))
    return {
      over: bytes / ideal,
      plane: whole / ideal,
      encodeMsyms: speed('encode'),
      decodeMsyms: speed('decode'),
      symbols,
    }
  } finally {
    await lm.close()
  }
}

/** One layer of 256 tokens out of a file of many. */
export interface PartFigures {
  readonly fileBytes: number
  /** Bytes of the blocks of keys and values that were asked for. */
  readonly partBytes: number
  readonly readBytes: number
  /** Bytes that were read to open the file, profile and index. */
  readonly openBytes: number
  readonly requests: number
  /** CPU time over that of all. */
  readonly time: number
}

export async function measurePart(tokens: number): Promise<PartFigures> {
  const { lm, kv } = await longCache(tokens)
  try {
    const bytes = await encodeKv(kv, { profile: await profileFor(lm, 'pca-layer'), levels: [LEVEL], chunk: 256 })
    const access = countAccess(bytesAccess(bytes))
    const file = await KvFile.open(access)
    const range = { from: 1024, to: 1280, layers: [1], level: LEVEL }
    const opened = { bytes: access.bytes, requests: access.requests }
    await file.read({ ...range, ids: false })
    const [readBytes, requests] = [access.bytes - opened.bytes, access.requests - opened.requests]
    const partBytes = await file.storedBytes(range)
    const times = await interleave(
      { part: () => cpuOf(() => file.read({ ...range, ids: false })), all: () => cpuOf(() => file.read()) },
      ROUNDS,
    )
    const least = (key: string): number => Math.min(...(times[key] as number[]))
    return {
      ...{ fileBytes: bytes.length, partBytes, readBytes, openBytes: opened.bytes, requests },
      time: least('part') / least('all'),
    }
  } finally {
    await lm.close()
  }
}

/** `npm run bench -- kv --only costs` */
export async function benchCosts(context: BenchContext): Promise<void> {
  const { name, tokens, prefill, presets } = await measureTimes(1024)
  for (const [preset, { encode, decode }] of Object.entries(presets)) {
    context.add({
      system: 'kv',
      kind: 'times',
      peer: { name: 'prefill' },
      data: { name: `${name}, stories`, bytes: tokens },
      params: { coding: preset, tokens },
      ours: { quality: { encodeMs: encode, decodeMs: decode } },
      theirs: { cpuMs: prefill },
      vs: { encode: encode / prefill, decode: decode / prefill },
      repeats: ROUNDS,
    })
  }
  context.say(
    textTable(
      ['coding', 'encode / prefill', 'decode / prefill'],
      Object.entries(presets).map(([preset, own]) => [
        preset,
        (own.encode / prefill).toFixed(2),
        (own.decode / prefill).toFixed(2),
      ]),
    ),
  )
}

export async function acceptCosts(context: AcceptContext): Promise<void> {
  for (const preset of PRESETS) {
    const { over, plane, encodeMsyms, decodeMsyms, symbols } = await measureCoder(preset)
    context.say(`${preset}: ${symbols} symbols; with classes and escapes ${plane.toFixed(4)} of the entropy`)
    atMost(context, `${preset}: bytes of the coder over the entropy under its tables`, over, 1.01, 4)
    costAtLeast(context, `${preset}: million symbols a second in`, encodeMsyms, 30, 0)
    costAtLeast(context, `${preset}: million symbols a second out`, decodeMsyms, 45, 0)
  }
  const { prefill, presets } = await measureTimes(1024)
  costAtMost(context, 'cachegen: decoding over a prefill of 1024 tokens', presets.cachegen.decode / prefill, 0.5)
  costAtMost(context, 'pca: decoding over a prefill of 1024 tokens', presets.pca.decode / prefill, 1)
  context.say(
    `encoding over a prefill: ${(presets.cachegen.encode / prefill).toFixed(2)}, ${(presets.pca.encode / prefill).toFixed(2)}`,
  )
}

export async function acceptPart(context: AcceptContext): Promise<void> {
  const { fileBytes, partBytes, readBytes, openBytes, requests, time } = await measurePart(4096)
  context.say(
    `${readBytes} of ${fileBytes} bytes in ${requests} requests, ids of the tokens aside, ${openBytes} to open the file with its profile`,
  )
  atMost(context, 'bytes read for 1 layer of 256 tokens over those of the part', readBytes / partBytes, 1.2)
  costAtMost(context, 'time of the part over that of all', time, 0.05)
}
