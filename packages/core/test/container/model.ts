import fc from 'fast-check'
import type { Container, ContainerEntry } from '../../src/container/reader.ts'
import type { ContainerEntryWriter, ContainerWriter, EntryOptions } from '../../src/container/writer.ts'

/** A block as a test writes and expects it. */
export interface BlockModel {
  section: string
  payload: Uint8Array
  rawBytes: number
  keys?: readonly [number, number]
  variant?: number
  profile?: number
  align?: boolean
}

/** An entry as a test writes and expects it. */
export interface EntryModel extends EntryOptions {
  profiles?: readonly Uint8Array[]
  blocks: readonly BlockModel[]
  summary?: Uint8Array
  rawBytes?: number
}

/** `length` bytes that hardly repeat, the same each time. */
export function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let x = Math.imul(seed, 0x9e3779b1) | 1
  for (let i = 0; i < length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    bytes[i] = x
  }
  return bytes
}

/** Entries with any metadata and up to eight blocks. */
export function entryModel(): fc.Arbitrary<EntryModel> {
  const block = fc.record(
    {
      section: fc.constantFrom('a', 'b', 'kv.index', 'stack/0', 'ü'),
      payload: fc.uint8Array({ maxLength: 40 }),
      rawBytes: fc.nat(1e6),
      keys: fc.tuple(fc.nat(1000), fc.nat(1000)).map(([first, count]): [number, number] => [first, first + count]),
      variant: fc.nat(2),
      profile: fc.nat(1),
    },
    { requiredKeys: ['section', 'payload', 'rawBytes'] },
  )
  return fc.record(
    {
      blocks: fc.array(block, { maxLength: 8 }),
      profiles: fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 4 }),
      codec: fc.constantFrom('stored', 'logzip', 'own/codec'),
      version: fc.nat(3),
      mode: fc.nat(0o7777),
      mtime: fc.integer({ min: -1e13, max: 1e13 }),
      meta: fc.uint8Array({ maxLength: 10 }),
      summary: fc.uint8Array({ maxLength: 20 }),
      rawBytes: fc.nat(1e9),
    },
    { requiredKeys: ['blocks', 'profiles', 'codec', 'version', 'rawBytes'] },
  )
}

/** Write the parts of one entry. */
export async function writeEntry(entry: ContainerEntryWriter, model: EntryModel): Promise<void> {
  for (const payload of model.profiles ?? []) await entry.profile(payload)
  for (const { section, payload, ...options } of model.blocks) await entry.block(section, payload, options)
  if (model.summary !== undefined) await entry.summary(model.summary)
  await entry.finish(model.rawBytes)
}

export async function writeModel(writer: ContainerWriter, entries: readonly EntryModel[]): Promise<void> {
  for (const model of entries) {
    const { profiles: _p, blocks: _b, summary: _s, rawBytes: _r, ...options } = model
    await writeEntry(await writer.entry(options), model)
  }
  await writer.finish()
}

/** Read a whole container in the shape of the model; blocks come in the order of the file. */
export async function readBack(container: Container): Promise<EntryModel[]> {
  const models: EntryModel[] = []
  for await (const entry of container.entries()) models.push(await readEntry(entry))
  return models
}

export async function readEntry(entry: ContainerEntry): Promise<EntryModel> {
  const profiles: Uint8Array[] = []
  for (let version = 1; version <= entry.profileVersion; version++) {
    profiles.push((await entry.profile(version)) ?? new Uint8Array(0))
  }
  const blocks: BlockModel[] = []
  for (const section of await entry.sections()) {
    const rows = await entry.blocks(section)
    const payloads = await Promise.all(rows.map((row) => entry.read(row)))
    for (const [i, row] of rows.entries()) {
      blocks.push({
        section,
        payload: payloads[i],
        rawBytes: row.rawBytes,
        ...(row.keys === undefined ? {} : { keys: row.keys }),
        variant: row.variant,
        profile: row.profile,
      })
    }
  }
  const summary = await entry.summary()
  const { path, mode, mtime, meta } = entry
  return {
    ...(path === undefined ? {} : { path }),
    ...(mode === undefined ? {} : { mode }),
    ...(mtime === undefined ? {} : { mtime }),
    ...(meta === undefined ? {} : { meta }),
    codec: entry.codec,
    version: entry.codecVersion,
    profiles,
    blocks,
    ...(summary === undefined ? {} : { summary }),
    rawBytes: entry.rawBytes,
  }
}

/** A model in the form that {@link readEntry} gives: blocks by section, number and variant, defaults filled in. */
export function normalised(model: EntryModel): EntryModel {
  const counts = new Map<string, number>()
  const order: string[] = []
  const placed = model.blocks.map((block) => {
    const { section, variant = 0 } = block
    if (!order.includes(section)) order.push(section)
    const key = `${section} ${variant}`
    const number = counts.get(key) ?? 0
    counts.set(key, number + 1)
    const { align: _align, ...rest } = block
    return { number, block: { ...rest, variant, profile: block.profile ?? 0 } }
  })
  placed.sort(
    (a, b) =>
      order.indexOf(a.block.section) - order.indexOf(b.block.section) ||
      a.number - b.number ||
      a.block.variant - b.block.variant,
  )
  return {
    ...model,
    codec: model.codec ?? 'stored',
    version: model.version ?? 1,
    profiles: model.profiles ?? [],
    blocks: placed.map(({ block }) => block),
  }
}
