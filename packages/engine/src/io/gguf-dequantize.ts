/**
 * Blocks of GGUF files to f32. Products and sums of half-precision scales and small integers are exact in double
 * precision, so that storing them rounds once, as the reference does.
 */
import { f32FromF16, PithError } from '@pith/core'
import { type GgufBlockType, ggufTypeFacts } from './gguf-types.ts'

/** Turn the block at `at` of `bytes` into values at `to` of `out`. */
type DequantizeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void

let halves: Float32Array | undefined

/** All half-precision numbers by their bits. */
function halfTable(): Float32Array {
  if (halves !== undefined) return halves
  const bits = new Uint16Array(65536)
  for (let i = 0; i < 65536; i++) bits[i] = i
  halves = f32FromF16(bits)
  return halves
}

function half(bytes: Uint8Array, at: number): number {
  return halfTable()[bytes[at]! | (bytes[at + 1]! << 8)]!
}

function i8(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) >> 24
}

/** 32 values: scale, 16 bytes with the lower nibbles first. */
function q40(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]!
    out[to + i] = scale * ((pair & 15) - 8)
    out[to + 16 + i] = scale * ((pair >> 4) - 8)
  }
}

/** 32 values: scale, minimum, 16 bytes. */
function q41(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  const min = half(bytes, at + 2)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 4 + i]!
    out[to + i] = scale * (pair & 15) + min
    out[to + 16 + i] = scale * (pair >> 4) + min
  }
}

/** 32 values: scale, 32 fifth bits, 16 bytes. */
function q50(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 6 + i]!
    out[to + i] = scale * (((pair & 15) | fifth(bytes, at + 2, i)) - 16)
    out[to + 16 + i] = scale * (((pair >> 4) | fifth(bytes, at + 2, 16 + i)) - 16)
  }
}

/** 32 values: scale, minimum, 32 fifth bits, 16 bytes. */
function q51(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  const min = half(bytes, at + 2)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 8 + i]!
    out[to + i] = scale * ((pair & 15) | fifth(bytes, at + 4, i)) + min
    out[to + 16 + i] = scale * ((pair >> 4) | fifth(bytes, at + 4, 16 + i)) + min
  }
}

function fifth(bytes: Uint8Array, at: number, i: number): number {
  return ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4
}

/** 32 values: scale, 32 signed bytes. */
function q80(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  for (let i = 0; i < 32; i++) out[to + i] = scale * i8(bytes, at + 2 + i)
}

/** 256 values: 16 bytes with scale and minimum of 16 values each, 64 bytes of two bits, scale, scale of the minima. */
function q2k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at + 80)
  const minScale = half(bytes, at + 82)
  for (let i = 0; i < 256; i++) {
    const group = bytes[at + (i >> 4)]!
    out[to + i] = scale * (group & 15) * twoBits(bytes, at + 16, i) - minScale * (group >> 4)
  }
}

/** Two bits of value `i`: a byte has those of four values that are 32 apart. */
function twoBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3
}

/** 256 values: 32 bytes of third bits, 64 of two bits, 12 with 16 scales of six bits, scale. */
function q3k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at + 108)
  for (let group = 0; group < 16; group++) {
    const low = bytes[at + 96 + (group & 7)]! >> (group < 8 ? 0 : 4)
    const high = bytes[at + 104 + (group & 3)]! >> ((group >> 2) << 1)
    const own = scale * (((low & 15) | ((high & 3) << 4)) - 32)
    for (let i = 16 * group; i < 16 * group + 16; i++) {
      const isHigh = (bytes[at + (i & 31)]! >> (i >> 5)) & 1
      out[to + i] = own * (twoBits(bytes, at + 32, i) - (isHigh === 1 ? 0 : 4))
    }
  }
}

/** The six-bit scale of 32 values among 12 bytes with eight scales and eight minima. */
export function scaleOf(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return bytes[at + group]! & 63
  return (bytes[at + group + 4]! & 15) | ((bytes[at + group - 4]! >> 6) << 4)
}

/** The six-bit minimum of 32 values among 12 bytes with eight scales and eight minima. */
export function minOf(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return bytes[at + group + 4]! & 63
  return (bytes[at + group + 4]! >> 4) | ((bytes[at + group]! >> 6) << 4)
}

/** 256 values: scale, scale of the minima, 12 bytes of scales and minima, 128 bytes. */
function q4k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  const minScale = half(bytes, at + 2)
  for (let group = 0; group < 8; group++) {
    const own = scale * scaleOf(bytes, at + 4, group)
    const min = minScale * minOf(bytes, at + 4, group)
    const from = at + 16 + ((group >> 1) << 5)
    const shift = (group & 1) << 2
    for (let i = 0; i < 32; i++) out[to + 32 * group + i] = own * ((bytes[from + i]! >> shift) & 15) - min
  }
}

/** 256 values: as those of four bits, with 32 bytes of fifth bits before the 128. */
function q5k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at)
  const minScale = half(bytes, at + 2)
  for (let group = 0; group < 8; group++) {
    const own = scale * scaleOf(bytes, at + 4, group)
    const min = minScale * minOf(bytes, at + 4, group)
    const from = at + 48 + ((group >> 1) << 5)
    const shift = (group & 1) << 2
    for (let i = 0; i < 32; i++) {
      const high = ((bytes[at + 16 + i]! >> group) & 1) << 4
      out[to + 32 * group + i] = own * (((bytes[from + i]! >> shift) & 15) | high) - min
    }
  }
}

/** 256 values: 128 bytes of four bits, 64 of two, 16 signed scales, scale. */
function q6k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const scale = half(bytes, at + 208)
  for (let i = 0; i < 256; i++) {
    const low = bytes[at + ((i >> 7) << 6) + (i & 63)]! >> (((i >> 6) & 1) << 2)
    const value = ((low & 15) | (twoBits(bytes, at + 128, i) << 4)) - 32
    out[to + i] = scale * i8(bytes, at + 192 + (i >> 4)) * value
  }
}

const KERNELS: Readonly<Record<GgufBlockType, DequantizeBlock>> = {
  Q4_0: q40,
  Q4_1: q41,
  Q5_0: q50,
  Q5_1: q51,
  Q8_0: q80,
  Q2_K: q2k,
  Q3_K: q3k,
  Q4_K: q4k,
  Q5_K: q5k,
  Q6_K: q6k,
}

/** Whether blocks of a type can be turned into f32. */
export function isBlockType(type: string): type is GgufBlockType {
  return Object.hasOwn(KERNELS, type)
}

/**
 * Values of blocks.
 *
 * @param bytes  whole blocks of `type`
 * @returns f32[32 or 256 a block], to the bit those of the reference implementation (ggml)
 * @throws PithError `PITH_SHAPE` no whole number of blocks · `PITH_UNSUPPORTED` no such type of blocks
 */
export function dequantize(type: GgufBlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  if (!isBlockType(type)) {
    throw new PithError('PITH_UNSUPPORTED', `blocks of ${String(type).slice(0, 40)} cannot be turned into numbers`, {
      hint: 'Use a file of one of the types Q4_0 to Q8_0 or Q2_K to Q6_K.',
    })
  }
  const { blockSize, blockBytes } = ggufTypeFacts(type)
  if (bytes.length % blockBytes !== 0) {
    throw new PithError('PITH_SHAPE', `blocks of ${type} have ${blockBytes} bytes, got ${bytes.length}`)
  }
  const blocks = bytes.length / blockBytes
  const out = new Float32Array(blocks * blockSize)
  const kernel = KERNELS[type]
  for (let block = 0; block < blocks; block++) kernel(bytes, block * blockBytes, out, block * blockSize)
  return out
}
