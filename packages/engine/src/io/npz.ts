/** NumPy's .npz files: zip archives of .npy files. */
import { type ByteSource, compareText, PithError } from '@pith/core'
import { zipSync } from 'fflate'
import type { Params, Tensor } from '../tensor.ts'
import { type NpyHeader, parseNpy, parseNpyHeader, writeNpy } from './npy.ts'
import { entryOf, type ReadOptions, readParams, type TensorEntry, type TensorFile } from './tensor-file.ts'
import { openZip, type Zip, type ZipEntry } from './zip.ts'

/** The earliest time that a zip archive can hold, in local time as archives do: the same bytes at any time. */
const FIRST_TIME = [1980, 0, 1] as const
/** Where sizes stop fitting into the fields of an archive. */
const MAX_ARCHIVE_BYTES = 2 ** 32 - 1

/** An array of a .npz file. */
export interface NpzEntry extends TensorEntry {
  readonly header: NpyHeader
}

/**
 * Open a .npz file: the directory and the header of each array are read.
 *
 * @throws PithError what the archive and the headers give; `PITH_UNSUPPORTED` a file in it that is no .npy
 */
export async function openNpz(source: ByteSource, options: ReadOptions = {}): Promise<TensorFile<NpzEntry>> {
  const zip = await openZip(source, options)
  const entries = new Map<string, NpzEntry>()
  const files = new Map<string, ZipEntry>()
  for (const file of zip.entries.values()) {
    if (!file.name.endsWith('.npy')) {
      throw new PithError('PITH_UNSUPPORTED', `${file.name.slice(0, 80)} in the .npz file is no .npy file`)
    }
    const name = file.name.slice(0, -4)
    const header = parseNpyHeader(await headOf(zip, file, options))
    entries.set(name, { name, type: header.descr, shape: header.shape, bytes: file.storedBytes, header })
    files.set(name, file)
  }
  return {
    entries,
    tensor: async (name, read = {}): Promise<Tensor> => parseNpy(await zip.read(entryOf(files, name), read)),
    close: () => zip.close(),
  }
}

/** The start of an array, with its header. */
async function headOf(zip: Zip, file: ZipEntry, options: ReadOptions): Promise<Uint8Array> {
  const head = await zip.readStart(file, 128, options)
  if (head.length < 12) return head
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const needed = head[6] === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true)
  if (needed <= head.length || needed > 128 * 1024) return head
  return await zip.readStart(file, needed, options)
}

/** All arrays of a .npz file by name. @throws PithError what {@link openNpz} gives */
export async function readNpz(source: ByteSource, options: ReadOptions = {}): Promise<Params> {
  const file = await openNpz(source, options)
  try {
    return await readParams(file, options)
  } finally {
    await file.close()
  }
}

/**
 * A .npz file, stored without packing as `numpy.savez` does, with arrays sorted by name.
 *
 * @throws PithError `PITH_DTYPE` a type that NumPy has not · `PITH_LIMIT` 4 GiB or more
 */
export function writeNpz(arrays: Params): Uint8Array {
  const files: [string, Uint8Array][] = []
  let total = 0
  for (const name of Object.keys(arrays).sort(compareText)) {
    const bytes = writeNpy(arrays[name] as Tensor)
    total += bytes.length + 2 * name.length * 3 + 128
    files.push([`${name}.npy`, bytes])
  }
  if (total > MAX_ARCHIVE_BYTES) {
    throw new PithError('PITH_LIMIT', `a .npz file may have ${MAX_ARCHIVE_BYTES} bytes, ${total} are needed`, {
      hint: 'Write safetensors instead.',
    })
  }
  return zipSync(Object.fromEntries(files), { level: 0, mtime: new Date(...FIRST_TIME) })
}
