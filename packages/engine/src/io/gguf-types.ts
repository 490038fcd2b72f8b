/** Types of GGUF tensors: their numbers, how many elements a block holds, and its bytes. */
import { PithError } from '@pith/core'
import { type Shape, sizeOf } from '../shape.ts'

/** Types whose elements are plain numbers. */
export type GgufPlainType = 'F32' | 'F16' | 'BF16' | 'F64' | 'I8' | 'I16' | 'I32' | 'I64'
/** Types of blocks that can be turned into f32. */
export type GgufBlockType = 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K'
/** Types of blocks of which only the bytes can be read. */
export type GgufOpaqueType =
  | 'IQ2_XXS'
  | 'IQ2_XS'
  | 'IQ3_XXS'
  | 'IQ1_S'
  | 'IQ4_NL'
  | 'IQ3_S'
  | 'IQ2_S'
  | 'IQ4_XS'
  | 'IQ1_M'
  | 'TQ1_0'
  | 'TQ2_0'
  | 'MXFP4'
/** Name of a type in GGUF files. */
export type GgufType = GgufPlainType | GgufBlockType | GgufOpaqueType

/** Number, elements and bytes of the blocks of a type. */
export interface GgufTypeFacts {
  readonly number: number
  readonly blockSize: number
  readonly blockBytes: number
}

const FACTS: Readonly<Record<GgufType, readonly [number: number, blockSize: number, blockBytes: number]>> = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q4_1: [3, 32, 20],
  Q5_0: [6, 32, 22],
  Q5_1: [7, 32, 24],
  Q8_0: [8, 32, 34],
  Q2_K: [10, 256, 84],
  Q3_K: [11, 256, 110],
  Q4_K: [12, 256, 144],
  Q5_K: [13, 256, 176],
  Q6_K: [14, 256, 210],
  IQ2_XXS: [16, 256, 66],
  IQ2_XS: [17, 256, 74],
  IQ3_XXS: [18, 256, 98],
  IQ1_S: [19, 256, 50],
  IQ4_NL: [20, 32, 18],
  IQ3_S: [21, 256, 110],
  IQ2_S: [22, 256, 82],
  IQ4_XS: [23, 256, 136],
  I8: [24, 1, 1],
  I16: [25, 1, 2],
  I32: [26, 1, 4],
  I64: [27, 1, 8],
  F64: [28, 1, 8],
  IQ1_M: [29, 256, 56],
  BF16: [30, 1, 2],
  TQ1_0: [34, 256, 54],
  TQ2_0: [35, 256, 66],
  MXFP4: [39, 32, 17],
}

const BY_NUMBER: ReadonlyMap<number, GgufType> = /* @__PURE__ */ new Map(
  (Object.keys(FACTS) as GgufType[]).map((type) => [FACTS[type][0], type]),
)

/** Number, elements and bytes of the blocks of a type. @throws PithError `PITH_ARG` no such type */
export function ggufTypeFacts(type: GgufType): GgufTypeFacts {
  if (!Object.hasOwn(FACTS, type)) throw new PithError('PITH_ARG', `${String(type).slice(0, 40)} is no type of GGUF`)
  const [number, blockSize, blockBytes] = FACTS[type]
  return { number, blockSize, blockBytes }
}

/** Type of a number; undefined for those that are not known. */
export function ggufTypeOf(number: number): GgufType | undefined {
  return BY_NUMBER.get(number)
}

/**
 * Bytes of a tensor; rows are whole blocks.
 *
 * @throws PithError `PITH_SHAPE` the last axis is no multiple of the block
 */
export function ggufBytes(type: GgufType, shape: Shape): number {
  const { blockSize, blockBytes } = ggufTypeFacts(type)
  const row = shape.at(-1) ?? 1
  if (row % blockSize !== 0) {
    throw new PithError('PITH_SHAPE', `rows of ${type} are multiples of ${blockSize} elements, got ${row}`, {
      hint: 'Use F16 or Q8_0 for this tensor, or pad its rows.',
    })
  }
  return (sizeOf(shape) / blockSize) * blockBytes
}
