/** An index as sections of a segment. Mirrors docs/format-index.md. */
import { ByteReader, ByteWriter, PithError, type Run, throwIfAborted } from '@pith/core'
import type { KernelTarget } from '@pith/core/wasm'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { runningSums } from './build.ts'
import { checkForward, checkTables } from './check.ts'
import { HEAD_BYTES } from './kernels/record.ts'
import { type BuildSettings, buildSettings, type EffortSettings, effortSettings } from './options.ts'
import { GROUP_BLOCKS, NO_ROW, type SeismicParts } from './parts.ts'
import { SeismicIndex } from './seismic-index.ts'

const VERSION = 1
/** In the order in which they are written. */
const SETTINGS: readonly (keyof BuildSettings)[] = [
  'keep',
  'maxFraction',
  'blockFraction',
  'minBlock',
  'energy',
  'docCut',
  'knn',
]
const EFFORT: readonly (keyof EffortSettings)[] = ['cut', 'heapFactor', 'headFactor']

/** Sections that {@link writeSeismic} writes. */
export const SEISMIC_SECTIONS: readonly string[] = [
  'head',
  'components',
  'rows',
  'tails',
  'lists',
  'postings',
  'tables',
  'graph',
]

/** Write an index into the sections {@link SEISMIC_SECTIONS} behind a prefix. @throws what the writer throws */
export async function writeSeismic(index: SeismicIndex, sections: SectionWriter, prefix: string): Promise<void> {
  const { dim, components, forward, lists, groups, blocks, postings, tablePlaces, tables, settings, effort, graph } =
    index.parts
  const head = new ByteWriter()
  head.varint(VERSION)
  for (const value of [dim, components.length, forward.rows, forward.isWide ? 1 : 0]) head.varint(value)
  head.f32(forward.step)
  for (const name of SETTINGS) head.f64(settings[name])
  for (const name of EFFORT) head.f64(effort[name])
  await sections.write(`${prefix}head`, head.view())
  const gaps = new ByteWriter()
  for (let i = 0; i < components.length; i++) {
    gaps.varint((components[i] as number) - (i === 0 ? 0 : (components[i - 1] as number) + 1))
  }
  await sections.write(`${prefix}components`, gaps.view())
  await sections.write(`${prefix}rows`, forward.heads)
  await sections.write(`${prefix}tails`, forward.tails)
  const counts = new ByteWriter()
  for (const sums of [lists, groups, blocks, tablePlaces]) {
    counts.varint(sums.length - 1)
    for (let i = 1; i < sums.length; i++) counts.varint((sums[i] as number) - (sums[i - 1] as number))
  }
  await sections.write(`${prefix}lists`, counts.view())
  await sections.write(`${prefix}postings`, packPostings(blocks, postings))
  await sections.write(`${prefix}tables`, tables)
  const near = new ByteWriter(4 * graph.length)
  for (let i = 0; i < graph.length; i++) near.u32(graph[i] as number)
  await sections.write(`${prefix}graph`, near.view())
}

/** Rows of blocks as gaps. */
function packPostings(blocks: Uint32Array, postings: Uint32Array): Uint8Array {
  const out = new ByteWriter(2 * postings.length)
  for (let block = 0; block + 1 < blocks.length; block++) {
    let last = -1
    for (let at = blocks[block] as number; at < (blocks[block + 1] as number); at++) {
      out.varint((postings[at] as number) - last - 1)
      last = postings[at] as number
    }
  }
  return out.view()
}

/**
 * Read an index that {@link writeSeismic} wrote.
 *
 * @throws PithError `PITH_CORRUPT` the sections contradict themselves or each other · `PITH_VERSION` a later version · `PITH_LIMIT` it does
 * not fit into memory; what the sections throw; the abort reason
 */
export async function openSeismic(
  sections: SectionReader,
  prefix: string,
  options: Run & { target?: KernelTarget | 'auto' } = {},
): Promise<SeismicIndex> {
  const read = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    sections.read(prefix + name, undefined, undefined, options)
  const parts = await guard(prefix, async () => {
    const head = new ByteReader(await read('head'))
    const version = head.varint()
    if (version !== VERSION) {
      throw new PithError('PITH_VERSION', `version ${VERSION} of a Seismic index is expected, got ${version}`, {
        hint: 'Install a newer pith.',
      })
    }
    const [dim, count, rows, wide] = [head.varint(), head.varint(), head.varint(), head.varint()] as const
    const step = head.f32()
    const settings = readNumbers(head, SETTINGS)
    const effort = readNumbers(head, EFFORT)
    head.finish()
    if (
      dim > 0xffffffff ||
      count > dim ||
      wide > 1 ||
      wide !== (count > 65536 ? 1 : 0) ||
      !(step > 0 && step < Number.POSITIVE_INFINITY)
    ) {
      throw new PithError('PITH_CORRUPT', 'numbers of the head are out of range')
    }
    const components = readComponents(await read('components'), count, dim)
    const heads = await read('rows')
    if (heads.length !== HEAD_BYTES * rows)
      throw new PithError('PITH_CORRUPT', `${heads.length} bytes for ${rows} rows`)
    const forward = { rows, step, isWide: wide === 1, heads, tails: await read('tails') }
    checkForward(forward, count)
    throwIfAborted(options.signal)
    const tables = await read('tables')
    const lists = readLists(await read('lists'), count, tables)
    checkTables(lists.groups, lists.tablePlaces, tables, forward.isWide)
    throwIfAborted(options.signal)
    const postings = unpackPostings(await read('postings'), lists.blocks, rows)
    const graph = readGraph(await read('graph'), rows, settings.knn)
    const checked = {
      settings: checkSettings(() => buildSettings(settings)),
      effort: checkSettings(() => effortSettings(effort, effort)),
    }
    return { dim, components, forward, ...lists, postings, tables, graph, ...checked } satisfies SeismicParts
  })
  return new SeismicIndex(parts, options.target === undefined ? {} : { target: options.target })
}

/** Name the section range in errors of readers that do not know it. */
async function guard<T>(prefix: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PithError && error.code === 'PITH_TRUNCATED' && error.at?.section === undefined) {
      throw new PithError('PITH_CORRUPT', `the Seismic index ${JSON.stringify(prefix)} is damaged: ${error.message}`, {
        cause: error,
      })
    }
    throw error
  }
}

function readNumbers<K extends string>(head: ByteReader, names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, head.f64()])) as Record<K, number>
}

function checkSettings<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the settings of an index are out of range', { cause })
  }
}

function readComponents(bytes: Uint8Array, count: number, dim: number): Uint32Array {
  if (count > bytes.length) throw new PithError('PITH_CORRUPT', `${count} components in ${bytes.length} bytes`)
  const input = new ByteReader(bytes)
  const components = new Uint32Array(count)
  let next = 0
  for (let i = 0; i < count; i++) {
    next += input.varint()
    if (next >= dim) throw new PithError('PITH_CORRUPT', `component ${next} of ${dim}`)
    components[i] = next++
  }
  input.finish()
  return components
}

/** The four runs of counts: groups of lists, blocks of groups, postings of blocks, bytes of tables. */
function readLists(
  bytes: Uint8Array,
  count: number,
  tables: Uint8Array,
): Pick<SeismicParts, 'lists' | 'groups' | 'blocks' | 'tablePlaces'> {
  const input = new ByteReader(bytes)
  const read = (length: number | undefined, least: number, most: number): Uint32Array => {
    const own = input.varint()
    if ((length !== undefined && own !== length) || own > input.remaining) {
      throw new PithError('PITH_CORRUPT', `${own} counts, ${length ?? input.remaining} are expected`)
    }
    const counts = new Uint32Array(own)
    let sum = 0
    for (let i = 0; i < own; i++) {
      const value = input.varint()
      sum += value
      if (value < least || value > most || sum > 0xffffffff) throw new PithError('PITH_CORRUPT', `a count of ${value}`)
      counts[i] = value
    }
    return runningSums([counts])
  }
  const lists = read(count, 0, 0xffffffff)
  const groups = read(lists.at(-1), 1, GROUP_BLOCKS)
  const blocks = read(groups.at(-1), 1, 0xffffffff)
  const tablePlaces = read(lists.at(-1), 1, 0xffffffff)
  input.finish()
  if (tablePlaces.at(-1) !== tables.length) {
    throw new PithError('PITH_CORRUPT', `tables of ${tablePlaces.at(-1)} bytes in ${tables.length}`)
  }
  return { lists, groups, blocks, tablePlaces }
}

function unpackPostings(bytes: Uint8Array, blocks: Uint32Array, rows: number): Uint32Array {
  const count = blocks.at(-1) as number
  if (count > bytes.length) throw new PithError('PITH_CORRUPT', `${count} postings in ${bytes.length} bytes`)
  const postings = new Uint32Array(count)
  const input = new ByteReader(bytes)
  for (let block = 0; block + 1 < blocks.length; block++) {
    let next = 0
    for (let at = blocks[block] as number; at < (blocks[block + 1] as number); at++) {
      next += input.varint()
      if (next >= rows) throw new PithError('PITH_CORRUPT', `row ${next} of ${rows}`)
      postings[at] = next++
    }
  }
  input.finish()
  return postings
}

function readGraph(bytes: Uint8Array, rows: number, knn: number): Uint32Array {
  if (bytes.length !== 4 * rows * knn) throw new PithError('PITH_CORRUPT', `a graph of ${bytes.length} bytes`)
  const input = new ByteReader(bytes)
  const graph = new Uint32Array(rows * knn)
  for (let i = 0; i < graph.length; i++) {
    const near = input.u32()
    if (near >= rows && near !== NO_ROW) throw new PithError('PITH_CORRUPT', `row ${near} of ${rows}`)
    graph[i] = near
  }
  return graph
}
