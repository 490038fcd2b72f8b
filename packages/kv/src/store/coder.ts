/** How the numbers of a chunk are kept. */
import { f16FromF32, f32FromF16, PithError } from '@pith/core'
import { KvCache, type KvCacheParts } from '@pith/lm'

/** Everything of a cache but its numbers. */
export type ChunkFrame = Omit<KvCacheParts, 'keys' | 'values'>

/** Codes the numbers of chunks. Values of different coders stand side by side; each store reads those of its own. */
export interface ChunkCoder {
  /** The name that values are kept under: of a-z, 0-9 and -, at most 48 characters; it names all that decoding needs. */
  readonly name: string
  encode(kv: KvCache): Promise<Uint8Array>
  /** @throws PithError `PITH_CORRUPT` and others for what is not such a chunk */
  decode(bytes: Uint8Array, frame: ChunkFrame): Promise<KvCache>
}

/** Numbers as they are, or in half precision, which halves them at a loss that is hardly seen. */
export function rawCoder(dtype: 'f32' | 'f16' = 'f32'): ChunkCoder {
  const size = dtype === 'f32' ? 4 : 2
  return {
    name: `raw-${dtype}`,
    async encode(kv) {
      const each = kv.length * kv.width
      const out = new Uint8Array(2 * kv.layers * each * size)
      let at = 0
      for (const rows of [...kv.keys, ...kv.values]) {
        out.set(littleEndian(bytesOf(dtype === 'f32' ? rows : f16FromF32(rows)), size), at)
        at += each * size
      }
      return out
    },
    async decode(bytes, frame) {
      const each = frame.tokens.length * frame.kvHeads * frame.headDim
      if (bytes.length !== 2 * frame.layers * each * size) {
        throw new PithError(
          'PITH_CORRUPT',
          `${bytes.length} bytes are not keys and values of ${frame.tokens.length} tokens`,
        )
      }
      const rows = Array.from({ length: 2 * frame.layers }, (_, i) => {
        const own = littleEndian(bytes.subarray(i * each * size, (i + 1) * each * size), size)
        // Numbers are read where they stand, if that is a place for numbers.
        const { buffer, byteOffset } = own.byteOffset % size === 0 ? own : own.slice()
        return dtype === 'f32'
          ? new Float32Array(buffer, byteOffset, each)
          : f32FromF16(new Uint16Array(buffer, byteOffset, each))
      })
      return new KvCache({ ...frame, keys: rows.slice(0, frame.layers), values: rows.slice(frame.layers) })
    },
  }
}

const IS_LITTLE_ENDIAN = /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint32Array([1]).buffer)[0] === 1

/** Numbers of this machine as little-endian bytes, or the other way round; a copy where something is to be turned. */
function littleEndian(bytes: Uint8Array, size: number): Uint8Array {
  if (IS_LITTLE_ENDIAN) return bytes
  const out = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) out[i] = bytes[i - (i % size) + size - 1 - (i % size)] as number
  return out
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
