/** Models as files: read with the files that hold their tensors, and saved with or without such files. */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { PithError, type Run } from '@pith/core'
import { type AtomicOptions, atomicFile, fileSource } from '@pith/core/node'
import { moveExternal, resolveExternal } from '../external.ts'
import { checkLocation } from '../external-entry.ts'
import type { ModelProto } from '../proto.ts'
import { type ReadModelOptions, readModel } from '../read.ts'
import { MAX_BYTES, modelBytes, writeModelChunks } from '../write.ts'

/** From this size on, `auto` keeps the tensors in another file. */
const AUTO_BYTES = 64 * 2 ** 20
const PADDING = new Uint8Array(1 << 16)

/**
 * Read a model and the tensors that stand in files beside it.
 *
 * @throws PithError `PITH_IO` a file cannot be read · `PITH_LIMIT` it has 2 GiB or more · those of `readModel` and `resolveExternal`
 */
export async function loadModel(
  path: string,
  options: ReadModelOptions & Pick<Run, 'signal'> = {},
): Promise<ModelProto> {
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const file = await fileSource(path, signal)
  let bytes: Uint8Array
  try {
    if (file.size > MAX_BYTES) {
      throw new PithError('PITH_LIMIT', `${path} has ${file.size} bytes, an ONNX file holds ${MAX_BYTES}`, {
        hint: 'Keep the tensors in a file of their own beside the model.',
      })
    }
    bytes = await file.read(0, file.size)
  } finally {
    await file.close()
  }
  const folder = await realpath(dirname(path))
  return resolveExternal(readModel(bytes, options), async (location) => {
    checkLocation(location)
    const inside = join(folder, location)
    // A link may lead anywhere: what counts is where it ends.
    const real = await realpath(inside).catch((cause: unknown) => {
      throw new PithError('PITH_IO', `${inside} cannot be read`, {
        cause,
        hint: 'Fetch the files beside the model too.',
      })
    })
    if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw new PithError('PITH_MODEL', `the file ${JSON.stringify(location)} is a link out of the model's folder`)
    }
    return fileSource(real, signal)
  })
}

/** How a model is saved. */
export interface SaveModelOptions {
  /** Whether tensors go to a file of their own: `auto` (default) does so above 64 MiB. */
  external?: 'never' | 'always' | 'auto'
  /** Offsets of tensors in the other file are multiples of it. Default 4096. */
  alignment?: number
  /** A further file is begun when one is this long. Default: one file. */
  shardBytes?: number
  /** Replace files that are there. Default false. */
  force?: boolean
  signal?: AbortSignal
}

/**
 * Write a model, its tensors in files `NAME.data`, `NAME.data.1` ... beside it where asked for. Each file appears whole or
 * not at all, the model last.
 *
 * @throws PithError `PITH_IO` · `PITH_LIMIT` 2 GiB or more with `external: 'never'`
 */
export async function saveModel(model: ModelProto, path: string, options: SaveModelOptions = {}): Promise<void> {
  const { external = 'auto', force = false, signal } = options
  const file = signal === undefined ? { force } : { force, signal }
  let own = model
  if (external === 'always' || (external === 'auto' && tensorBytes(model) > AUTO_BYTES)) {
    const moved = moveExternal(model, {
      name: (shard) => `${basename(path)}.data${shard === 0 ? '' : `.${shard}`}`,
      ...(options.alignment === undefined ? {} : { alignment: options.alignment }),
      ...(options.shardBytes === undefined ? {} : { shardBytes: options.shardBytes }),
    })
    own = moved.model
    modelBytes(own)
    for (const [location, { parts }] of moved.files) await writeFile(join(dirname(path), location), padded(parts), file)
  }
  await writeFile(path, writeModelChunks(own), file)
}

function tensorBytes(model: ModelProto): number {
  return (model.graph?.initializer ?? []).reduce((sum, tensor) => sum + (tensor.rawData?.length ?? 0), 0)
}

function* padded(parts: readonly { offset: number; bytes: Uint8Array }[]): Iterable<Uint8Array> {
  let at = 0
  for (const { offset, bytes } of parts) {
    for (; at < offset; at += Math.min(PADDING.length, offset - at)) {
      yield PADDING.subarray(0, Math.min(PADDING.length, offset - at))
    }
    yield bytes
    at = offset + bytes.length
  }
}

async function writeFile(path: string, chunks: Iterable<Uint8Array>, options: AtomicOptions): Promise<void> {
  const sink = await atomicFile(path, options)
  try {
    for (const chunk of chunks) await sink.write(chunk)
    await sink.close()
  } catch (error) {
    await sink.abort(error)
    throw error
  }
}
