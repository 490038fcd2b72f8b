/** Folders of images, a sub-folder for each class, as rows. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isPithError, PithError, throwIfAborted } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { type ImageTensorOptions, imageTensor } from '../../io/images.ts'
import { decodeImage, type NodeImageOptions } from '../../io/node/images.ts'
import { Tensor } from '../../tensor.ts'
import type { Rows } from '../data/rows.ts'

/** How images become rows. */
export interface ImageFolderOptions extends ImageTensorOptions, NodeImageOptions {
  /** Names of the image and its class in a row. Default `image` and `class`. */
  names?: readonly [image: string, place: string]
  /** Bytes of images, as tensors, that are kept rather than decoded anew for each epoch. Default 512 MiB. */
  cacheBytes?: number
  signal?: AbortSignal
}

/** Images of a folder. */
export interface ImageFolder {
  readonly rows: Rows
  /** Names of the sub-folders in the order of their code points; the class is the place in it. */
  readonly classes: readonly string[]
  /** Paths of the images, in the order of the rows. */
  readonly paths: readonly string[]
}

const IMAGE = /\.(png|jpe?g|webp|gif)$/i
const MAX_FILE_BYTES = 2 ** 28

/**
 * List `FOLDER/CLASS/IMAGE`; images are decoded when a batch asks for them. Hidden files, links and files of other endings are
 * passed over.
 *
 * @throws PithError `PITH_IO` · `PITH_ARG` no sub-folders, or one without images
 */
export async function openImageFolder(folder: string, options: ImageFolderOptions): Promise<ImageFolder> {
  const { names: [image, place] = ['image', 'class'], cacheBytes = 2 ** 29, channels = 3, width, height } = options
  const classes = await namesIn(folder, true)
  if (classes.length === 0) {
    throw new PithError('PITH_ARG', `${folder} has no sub-folders`, { hint: 'Put the images of each class into one.' })
  }
  const paths: string[] = []
  const places: number[] = []
  for (const [i, name] of classes.entries()) {
    const own = (await namesIn(join(folder, name), false)).filter((file) => IMAGE.test(file))
    if (own.length === 0) throw new PithError('PITH_ARG', `${join(folder, name)} has no images`)
    for (const file of own) {
      paths.push(join(folder, name, file))
      places.push(i)
    }
  }
  const size = channels * width * height
  const isKept = 4 * size * paths.length <= cacheBytes
  const kept = new Map<number, Float32Array>()
  const pixelsOf = async (row: number): Promise<Float32Array> => {
    const known = kept.get(row)
    if (known !== undefined) return known
    throwIfAborted(options.signal)
    const data = (await readImage(paths[row] as string, options)).data as Float32Array
    if (isKept) kept.set(row, data)
    return data
  }
  const rows: Rows = {
    count: paths.length,
    specs: {
      [image]: { dtype: 'f32', shape: [channels, height, width] },
      [place]: { dtype: 'i64', shape: [] },
    },
    take: async (wanted) => {
      const all = new Float32Array(wanted.length * size)
      for (let i = 0; i < wanted.length; i++) all.set(await pixelsOf(wanted[i] as number), i * size)
      const own = BigInt64Array.from({ length: wanted.length }, (_, i) => BigInt(places[wanted[i] as number] as number))
      return { [image]: new Tensor(all, [wanted.length, channels, height, width]), [place]: new Tensor(own) }
    },
  }
  return { rows, classes, paths }
}

async function readImage(path: string, options: ImageFolderOptions): Promise<Tensor> {
  const file = await fileSource(path, options.signal === undefined ? {} : { signal: options.signal })
  try {
    if (file.size > MAX_FILE_BYTES) {
      throw new PithError('PITH_LIMIT', `${path} has ${file.size} bytes, ${MAX_FILE_BYTES} are allowed`)
    }
    return imageTensor(await decodeImage(await file.read(0, file.size), options), options)
  } catch (cause) {
    if (!isPithError(cause) || cause.code === 'PITH_IO') throw cause
    throw new PithError(cause.code, `${path}: ${cause.message}`, {
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    })
  } finally {
    await file.close()
  }
}

async function namesIn(folder: string, folders: boolean): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    const own = entries.filter((entry) => (folders ? entry.isDirectory() : entry.isFile()))
    return own
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('.'))
      .sort()
  } catch (cause) {
    throw new PithError('PITH_IO', `${folder} can not be listed`, { cause, hint: 'Check the path.' })
  }
}
