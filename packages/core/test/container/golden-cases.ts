import type { ContainerEntryWriter, ContainerOptions } from '../../src/container/index.ts'
import { checkExternalProfile, createContainer, openContainer, openForAppend } from '../../src/container/index.ts'
import { isPithError } from '../../src/errors.ts'
import { fingerprint } from '../../src/hash.ts'
import { MemorySink } from '../../src/sink.ts'
import { fileOf, RecordedFile } from './fault-sink.ts'
import type { EntryModel } from './model.ts'
import { bytesOf, writeModel } from './model.ts'

async function make(entries: readonly EntryModel[], options?: ContainerOptions): Promise<Uint8Array> {
  const sink = new MemorySink()
  await writeModel(createContainer(sink, options), entries)
  return sink.bytes()
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const LOG: EntryModel = {
  codec: 'logzip',
  profiles: [text('profile')],
  summary: text('sum'),
  blocks: [
    { section: 't', payload: text('templates'), rawBytes: 120, keys: [0, 3], profile: 1 },
    { section: 'c', payload: text('columns'), rawBytes: 0, profile: 1 },
    { section: 't', payload: text('more'), rawBytes: 80, keys: [3, 5], profile: 1 },
  ],
}

const ARCHIVE: EntryModel[] = [
  { path: 'a/x.log', codec: 'general', mode: 0o644, mtime: 1700000000123, ...one('d', text('hello')) },
  { path: 'a/empty', kind: 'folder', mode: 0o755, blocks: [] },
  { path: 'a/link', kind: 'link', link: 'x.log', blocks: [] },
  {
    path: 'b',
    codec: 'own/codec',
    version: 7,
    meta: text('{"k":1}'),
    externalProfile: fingerprint(text('p')),
    ...one('kv.index', text('i')),
    rawBytes: 99,
  },
]

function one(section: string, payload: Uint8Array): Pick<EntryModel, 'blocks'> {
  return { blocks: [{ section, payload, rawBytes: payload.length }] }
}

/** Three commits; blocks of the second were taken back and stand behind the first index, as padding kept them in place. */
async function commits(): Promise<Uint8Array> {
  const file = new RecordedFile()
  const writer = createContainer(file)
  const entry = await writer.entry({ path: 'log', codec: 'logzip' })
  const put = (tag: number, to: ContainerEntryWriter = entry): Promise<void> =>
    to.block('b', new Uint8Array(20).fill(tag), { rawBytes: 200, keys: [tag, tag + 1], align: tag === 3 })
  await put(0)
  const mark = entry.mark()
  await entry.commit()
  await put(1)
  await put(2)
  await entry.summary(text('two'))
  await entry.commit()
  await entry.supersede(mark)
  await put(3)
  await entry.finish()
  await writer.finish()
  return file.bytes()
}

async function extended(): Promise<Uint8Array> {
  const file = await fileOf(await make([LOG]))
  const writer = await openForAppend(file)
  const entry = await writer.continueEntry(1)
  await entry.profile(text('profile 2'))
  await entry.block('t', text('new'), { rawBytes: 30, keys: [5, 6], profile: 2 })
  await entry.finish()
  await writer.finish()
  return file.bytes()
}

/** Rows and entries enough for pages of both kinds. */
async function pages(): Promise<Uint8Array> {
  const entries = Array.from({ length: 40 }, (_, i) => ({ path: `f${i}`, ...one('d', bytesOf(850, i + 1)) }))
  return make(entries, { solo: false })
}

/** Files of version 1 that every later reader must read, or refuse, in the same way. */
export const GOLDEN: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  'solo-empty': () => make([{ blocks: [] }]),
  'solo-log': () => make([LOG]),
  'solo-crcs': () =>
    make([
      {
        ...LOG,
        blocks: [...LOG.blocks, { section: 'raw', payload: bytesOf(5000), rawBytes: 5000, variant: 1 }],
        rawBytes: 77,
      },
    ]),
  'chunks-log': () => make([{ ...LOG, ...{ path: 'x.log' } }], { solo: false }),
  'chunks-archive': () => make(ARCHIVE),
  'chunks-none': () => make([]),
  'chunks-pages': pages,
  'chunks-commits': commits,
  'solo-extended': extended,
  'error-not-pith': async () => text('This is not a pith file, but it is long enough to be one.'),
  'error-text-mode': async () => {
    const file = await make([LOG])
    return Uint8Array.of(...file.subarray(0, 4), 0x0a, ...file.subarray(6))
  },
  'error-version': async () => (await make([LOG])).with(8, 2),
  'error-solo-flip': async () => flip(await make([LOG]), 40),
  'error-solo-cut': async () => (await make([LOG])).subarray(0, 50),
  'error-cut': async () => (await make(ARCHIVE)).subarray(0, 300),
  'damage-block': async () => {
    const file = await make(ARCHIVE)
    return flip(file, new TextDecoder('latin1').decode(file).indexOf('hello'))
  },
  'damage-page': async () => flip(await pages(), -600),
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at < 0 ? copy.length + at : at] ^= 4
  return copy
}

/** What a reader must find in a golden file, with payloads by their SHA-256. */
export async function describeFile(bytes: Uint8Array): Promise<object> {
  try {
    const container = await openContainer(bytes)
    const entries: object[] = []
    for await (const entry of container.entries()) {
      const blocks: object[] = []
      for (const section of await entry.sections()) {
        for (const row of await entry.blocks(section)) {
          const { block, variant, rawBytes, storedBytes, profile, keys } = row
          const payload = await entry.read(row).then(fingerprint, refusal)
          blocks.push({ section, block, variant, rawBytes, storedBytes, profile, ...(keys && { keys }), payload })
        }
      }
      const { id, path, kind, codec, codecVersion, mode, mtime, link, meta, externalProfile, rawBytes } = entry
      if (externalProfile !== undefined) checkExternalProfile(entry, text('p'))
      const profile = await entry.profile()
      const summary = await entry.summary()
      const profiles = { profileVersion: entry.profileVersion, profile: profile && fingerprint(profile) }
      const head = { id, path, kind, codec, codecVersion, mode, mtime, link, meta: meta && [...meta], externalProfile }
      entries.push({ ...head, rawBytes, ...profiles, summary: summary && fingerprint(summary), blocks })
    }
    const { form, totals, uncommittedBytes } = container
    return { form, totals, uncommittedBytes, entries }
  } catch (error) {
    return refusal(error)
  }
}

function refusal(error: unknown): object {
  if (!isPithError(error)) throw error
  return { error: error.code, offset: error.at?.offset }
}
