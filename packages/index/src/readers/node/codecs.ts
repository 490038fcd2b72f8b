/** Codecs that Node has. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { PageCodec } from '../parquet.ts'

const within =
  (unpack: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array): PageCodec =>
  (bytes, length) =>
    unpack(bytes, { maxOutputLength: Math.max(1, length) })

/** How pages of Parquet are unpacked. */
export const NODE_CODECS: Readonly<Record<string, PageCodec>> = {
  GZIP: within(gunzipSync),
  BROTLI: within(brotliDecompressSync),
  ZSTD: within(zstdDecompressSync),
}
