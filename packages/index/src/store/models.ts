import { PithError, type RandomAccess, type Run } from '@pith/core'
import { type Container, type ContainerWriter, openContainer } from '@pith/core/container'
import type { BprLayer } from '../bpr/index.ts'
import type { QueryAdapter } from '../jpq/index.ts'
import type { Pq } from '../pq/index.ts'
import { openSections, type SectionReader, type SectionWriter, writeSections } from '../sections.ts'
import type { Encoder } from '../types.ts'
import { damaged } from './document.ts'
import { parseJson, SEGMENT_CODEC } from './segment.ts'
import type { DenseSettings } from './settings.ts'

/** What was learned from the documents of an index. */
export interface Models {
  /** Grows with each training: segments name the one that their codes are of. */
  readonly version: number
  /** The encoder, where the index has one of its own. */
  readonly encoder?: Encoder
  readonly pq?: Pq
  /** The trained side of queries. */
  readonly adapter?: QueryAdapter
  /** The layer whose signs are codes, with a version as codes have one. */
  readonly hash?: { readonly layer: BprLayer; readonly version: number }
}

/** Nothing learned yet. */
export const NO_MODELS: Models = /* @__PURE__ */ Object.freeze({ version: 0 })

const MODELS_PATH = 'models'
const MAX_DIM = 65_528

/** Write what was learned as the next entry of a container. */
export async function writeModels(container: ContainerWriter, models: Models): Promise<void> {
  const entry = await container.entry({ path: MODELS_PATH, codec: SEGMENT_CODEC })
  const sections = writeSections(entry)
  const { version, encoder, pq, adapter, hash } = models
  if (encoder !== undefined) await writeEncoder(encoder, sections)
  if (pq !== undefined) {
    const { writePq } = await import('../pq/format.ts')
    await writePq(pq, sections, 'pq/')
  }
  if (adapter !== undefined) await writeLayer('adapter', adapter, sections)
  if (hash !== undefined) await writeLayer('hash', hash.layer, sections)
  const told = hash === undefined ? undefined : { version: hash.version, dim: hash.layer.dim, bits: hash.layer.bits }
  const parts = { encoder: encoder?.id, pq: pq !== undefined, adapter: adapter?.dim, hash: told }
  const info = { format: 1, version, parts }
  await sections.write('info', new TextEncoder().encode(JSON.stringify(info)))
  await sections.finish()
  await entry.finish()
}

async function writeLayer(
  name: string,
  { weight, bias }: { readonly weight: Float32Array; readonly bias: Float32Array },
  sections: SectionWriter,
): Promise<void> {
  await sections.write(
    name,
    [weight, bias].map((part) => new Uint8Array(part.slice().buffer)),
  )
}

async function writeEncoder(encoder: Encoder, sections: SectionWriter): Promise<void> {
  const { LsaEncoder, writeLsa } = await import('../dense/index.ts')
  if (!(encoder instanceof LsaEncoder)) {
    throw new PithError('PITH_UNSUPPORTED', `the encoder ${encoder.id.slice(0, 80)} cannot be stored in an index`)
  }
  await writeLsa(encoder, sections, 'encoder')
}

/** What {@link writeModels} wrote into a file; {@link NO_MODELS} where it holds none. @throws PithError damage */
export async function openModels(source: RandomAccess | Uint8Array, run?: Run): Promise<Models> {
  return modelsOf(await openContainer(source, run?.signal === undefined ? {} : { signal: run.signal }), run)
}

/** The models in an opened container. */
export async function modelsOf(container: Container, run?: Run): Promise<Models> {
  const entry = await container.entry(MODELS_PATH, run)
  if (entry === undefined) return NO_MODELS
  if (entry.codec !== SEGMENT_CODEC || entry.codecVersion !== 1) throw damaged('the models are no part of an index')
  const sections = await openSections(entry, container.totals.bytes)
  if (sections.size('info') > 2 ** 16) throw damaged('what the models say of themselves is too long')
  const { version, parts } = (parseJson(await sections.read('info', 0, undefined, run)) ?? {}) as {
    version?: unknown
    parts?: { encoder?: unknown; pq?: unknown; adapter?: unknown; hash?: Readonly<Record<string, unknown>> }
  }
  if (!(Number.isSafeInteger(version) && (version as number) > 0) || typeof parts !== 'object') {
    throw damaged('the models do not say what they are')
  }
  const { openLsa } = await import('../dense/index.ts')
  const { openPq } = await import('../pq/format.ts')
  return {
    version: version as number,
    ...(parts.encoder === undefined ? {} : { encoder: await openLsa(sections, 'encoder', run) }),
    ...(parts.pq === true ? { pq: await openPq(sections, 'pq/', run) } : {}),
    ...(parts.adapter === undefined ? {} : { adapter: await openAdapter(sections, parts.adapter, run) }),
    ...(parts.hash === undefined ? {} : { hash: await openHash(sections, parts.hash, run) }),
  }
}

async function openAdapter(sections: SectionReader, dim: unknown, run?: Run): Promise<QueryAdapter> {
  return { dim: dim as number, ...(await openLayer(sections, 'adapter', dim, dim, run)) }
}

async function openHash(
  sections: SectionReader,
  { version, dim, bits }: Readonly<Record<string, unknown>>,
  run?: Run,
): Promise<NonNullable<Models['hash']>> {
  if (!(Number.isSafeInteger(version) && (version as number) > 0)) throw damaged('the layer of signs has no version')
  const own = await openLayer(sections, 'hash', dim, bits, run)
  return { layer: { dim: dim as number, bits: bits as number, ...own }, version: version as number }
}

/** f32[dim, width] and f32[width]. */
async function openLayer(
  sections: SectionReader,
  name: string,
  dim: unknown,
  width: unknown,
  run?: Run,
): Promise<{ weight: Float32Array; bias: Float32Array }> {
  const isRight = [dim, width].every((n) => Number.isInteger(n) && (n as number) >= 1 && (n as number) <= MAX_DIM)
  const [rows, columns] = [dim as number, width as number]
  if (!isRight || sections.size(name) !== 4 * (rows + 1) * columns) throw damaged(`the section ${name} is damaged`)
  const all = new Float32Array((await sections.read(name, 0, undefined, run)).buffer)
  if (!all.every(Number.isFinite)) throw damaged(`the section ${name} has numbers that are not finite`)
  return { weight: all.slice(0, rows * columns), bias: all.slice(rows * columns) }
}

/** What was learned, scored by other centroids and queries. @throws PithError `PITH_CAPABILITY` no codes · `PITH_SHAPE` · `PITH_NONFINITE` */
export async function adaptModels(
  models: Models,
  { scoring, adapter }: { scoring?: Float32Array; adapter?: QueryAdapter },
): Promise<Models> {
  if (models.version === 0) {
    throw new PithError('PITH_CAPABILITY', 'the index was not trained', { hint: 'Train it first.' })
  }
  const dim = models.pq?.dim ?? models.encoder?.dim
  if (adapter !== undefined) {
    if (adapter.dim !== dim) throw new PithError('PITH_SHAPE', `an adapter of ${adapter.dim} numbers, not ${dim}`)
    if (![adapter.weight, adapter.bias].every((part) => part.every(Number.isFinite))) {
      throw new PithError('PITH_NONFINITE', 'the adapter has numbers that are not finite')
    }
  }
  if (scoring === undefined) return { ...models, ...(adapter && { adapter }) }
  if (models.pq === undefined) throw new PithError('PITH_CAPABILITY', 'the index has no codes')
  const { withScoring } = await import('../pq/index.ts')
  return { ...models, pq: withScoring(models.pq, scoring), ...(adapter && { adapter }) }
}

/** What was learned, with signs of another layer. @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` */
export function hashModels(models: Models, layer: BprLayer, dim: number): Models {
  const { weight, bias, bits } = layer
  if (layer.dim !== dim || weight.length !== dim * bits || bias.length !== bits || bits < 1 || bits > MAX_DIM) {
    throw new PithError('PITH_SHAPE', `a layer of ${layer.dim} x ${bits} numbers, the vectors have ${dim}`)
  }
  if (![weight, bias].every((part) => part.every(Number.isFinite))) {
    throw new PithError('PITH_NONFINITE', 'the layer of signs has numbers that are not finite')
  }
  const version = 1 + (models.hash?.version ?? models.version)
  return { ...models, version: Math.max(1, models.version), hash: { layer, version } }
}

/**
 * The encoder that an index takes: its own, or the given one where that is the one it was built with.
 *
 * @returns undefined where the index has none that is at hand
 * @throws PithError `PITH_MODEL` another encoder than the one of the index
 */
export function encoderFor(dense: DenseSettings | undefined, models: Models, given?: Encoder): Encoder | undefined {
  if (given === undefined || dense === undefined) return models.encoder
  const wanted = models.encoder?.id ?? dense.encoder
  if (given.id === wanted) return given
  throw new PithError(
    'PITH_MODEL',
    `the index was built with the encoder ${wanted}, not with ${given.id.slice(0, 80)}`,
    {
      hint: 'Open it with the same encoder, or build the index again.',
    },
  )
}
