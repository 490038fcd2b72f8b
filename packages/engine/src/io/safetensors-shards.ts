/** Models in several safetensors files with an index: `model-00001-of-00005.safetensors`, `model.safetensors.index.json`. */
import { type ByteSource, compareText, PithError, readAll } from '@pith/core'
import { isRecord, parseJsonBytes } from './json-text.ts'
import { openSafetensors, type Safetensors } from './safetensors.ts'
import { type SafetensorsEntry, type SafetensorsSpec, safetensorsBytes } from './safetensors-header.ts'
import { entryOf, type ReadOptions, type TensorFile } from './tensor-file.ts'

/** Largest index that is read, in bytes. */
const MAX_INDEX_BYTES = 100_000_000

/** Which file holds which tensor. */
export interface ShardIndex {
  /** Bytes of all tensors; undefined where the index does not say. */
  readonly totalBytes?: number
  /** File of each tensor by its name. */
  readonly files: ReadonlyMap<string, string>
}

/**
 * Read an index.
 *
 * @throws PithError `PITH_CORRUPT` no such JSON, or a file name with a path
 */
export function parseShardIndex(json: Uint8Array): ShardIndex {
  const index = parseJsonBytes(json, 'the index')
  if (!isRecord(index) || !isRecord(index['weight_map'])) {
    throw new PithError('PITH_CORRUPT', 'the index has no weight_map')
  }
  const files = new Map<string, string>()
  for (const [name, file] of Object.entries(index['weight_map'])) {
    // Files stand beside the index: a path could lead anywhere.
    if (typeof file !== 'string' || !/^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,254}$/.test(file)) {
      throw new PithError('PITH_CORRUPT', `the index names the file ${String(JSON.stringify(file)).slice(0, 80)}`, {
        hint: 'Files must stand beside the index.',
      })
    }
    files.set(name, file)
  }
  const total = isRecord(index['metadata']) ? index['metadata']['total_size'] : undefined
  return Number.isSafeInteger(total) && (total as number) >= 0 ? { totalBytes: total as number, files } : { files }
}

/**
 * Open a model in several files; headers are read, data when it is asked for.
 *
 * @param index  the index file
 * @param open   opens a file that stands beside it
 * @throws PithError `PITH_CORRUPT` the index and the files differ; whatever the files give
 */
export async function openShardedSafetensors(
  index: ByteSource,
  open: (file: string) => Promise<ByteSource>,
  options: ReadOptions = {},
): Promise<TensorFile<SafetensorsEntry>> {
  const { files } = parseShardIndex(await readAll(index, { ...options, maxBytes: MAX_INDEX_BYTES }))
  const shards = new Map<string, Safetensors>()
  const close = async (): Promise<void> => {
    for (const shard of shards.values()) await shard.close()
  }
  try {
    for (const file of [...new Set(files.values())].sort(compareText)) {
      shards.set(file, await openSafetensors(await open(file), options))
    }
    return { ...joinShards(files, shards), close }
  } catch (error) {
    await close()
    throw error
  }
}

function joinShards(
  files: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, Safetensors>,
): Omit<TensorFile<SafetensorsEntry>, 'close'> {
  const entries = new Map<string, SafetensorsEntry>()
  const owner = new Map<string, Safetensors>()
  for (const [file, shard] of shards) {
    for (const entry of shard.entries.values()) {
      if (files.get(entry.name) !== file) {
        throw new PithError(
          'PITH_CORRUPT',
          `${file} has the tensor ${entry.name.slice(0, 80)}, which the index has not there`,
        )
      }
      entries.set(entry.name, entry)
      owner.set(entry.name, shard)
    }
  }
  for (const [name, file] of files) {
    if (!entries.has(name)) throw new PithError('PITH_CORRUPT', `${file} has no tensor ${name.slice(0, 80)}`)
  }
  return { entries, tensor: async (name, read) => await entryOf(owner, name).tensor(name, read) }
}

/** A file of a model in several. */
export interface Shard {
  readonly file: string
  readonly specs: readonly SafetensorsSpec[]
}

/**
 * Spread tensors over files of at most `shardBytes` bytes of data, in the order given; a tensor above that has a file of
 * its own. One file is `model.safetensors` and needs no index.
 *
 * @returns the files, and the text of `model.safetensors.index.json`
 * @throws PithError `PITH_ARG` `shardBytes` is no integer > 0
 */
export function planShards(specs: readonly SafetensorsSpec[], shardBytes: number): { shards: Shard[]; index: string } {
  if (!(Number.isSafeInteger(shardBytes) && shardBytes > 0)) {
    throw new PithError('PITH_ARG', `shardBytes must be an integer > 0, got ${shardBytes}`)
  }
  const groups: SafetensorsSpec[][] = []
  let left = 0
  let total = 0
  for (const spec of specs) {
    const bytes = safetensorsBytes(spec)
    if (groups.length === 0 || bytes > left) {
      groups.push([])
      left = shardBytes
    }
    groups.at(-1)?.push(spec)
    left -= bytes
    total += bytes
  }
  const numbered = (number: number) => String(number).padStart(5, '0')
  const shards = groups.map((group, i) => ({
    file:
      groups.length === 1 ? 'model.safetensors' : `model-${numbered(i + 1)}-of-${numbered(groups.length)}.safetensors`,
    specs: group,
  }))
  const map = shards.flatMap(({ file, specs: own }) => own.map(({ name }): [string, string] => [name, file]))
  map.sort(([a], [b]) => compareText(a, b))
  // Written line by line: an object would put names that look like numbers first.
  const lines = map.map(([name, file]) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`)
  const index = `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`
  return { shards, index }
}
