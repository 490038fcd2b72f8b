/** Products of matrices and convolutions, lowered to the operators that onnxruntime runs fastest. */
import { PithError } from '@pith/core'
import type { Attrs, Value } from '../ir/graph.ts'
import { broadcastShapes, sameShape, shapeText } from '../shape.ts'
import { add, mul } from './elementwise.ts'
import { reshape, squeeze, swapAxes, unsqueeze } from './movement.ts'
import { emit1, graphOf } from './operand.ts'

/** How operands of a product are read, and what is added. */
export interface MatmulOptions {
  /** Take the last two axes of `a` in the other order. */
  transA?: boolean
  /** Take the last two axes of `b` in the other order. */
  transB?: boolean
  /** Factor of the product. Default 1. */
  alpha?: number
  /** Added to the product; broadcasts. */
  bias?: Value
}

/**
 * The product of matrices in the last two axes; axes before them broadcast. A vector on the left is a row, on the right a
 * column, and the axis that this adds is taken off again.
 *
 * A matrix on the right becomes one flat Gemm, whatever stands before the last axis of `a`; stacks of matrices a fused product
 * that reads transposed operands where they are.
 *
 * @throws PithError `PITH_SHAPE` inner lengths differ, or a number without axes
 */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw new PithError('PITH_SHAPE', `matmul: ${shapeText(a.shape)} and ${shapeText(b.shape)} need one axis at least`)
  }
  const { bias, alpha = 1 } = options
  const isRow = a.shape.length === 1
  const isColumn = b.shape.length === 1
  const left = isRow ? unsqueeze(a, 0) : a
  const right = isColumn ? unsqueeze(b, 1) : b
  const transA = !isRow && options.transA === true
  const transB = !isColumn && options.transB === true
  checkInner(left, right, transA, transB)
  const isFloat = a.dtype === 'f32' || a.dtype === 'f64'
  const rank = left.shape.length
  if (isFloat && right.shape.length === 2 && (rank === 2 || !transA) && !left.shape.includes(-1)) {
    const out = flatGemm(left, right, { transA, transB, alpha }, isRow || isColumn ? undefined : bias)
    const product = trim(out.value, isRow, isColumn)
    return bias !== undefined && !out.hasBias ? add(product, bias) : product
  }
  const product = trim(batched(left, right, transA, transB, alpha), isRow, isColumn)
  return bias === undefined ? product : add(product, bias)
}

interface GemmFlags {
  transA: boolean
  transB: boolean
  alpha: number
}

function flatGemm(
  a: Value,
  b: Value,
  { transA, transB, alpha }: GemmFlags,
  bias: Value | undefined,
): { value: Value; hasBias: boolean } {
  const before = a.shape.slice(0, -2)
  const inner = a.shape[a.shape.length - 1] as number
  const flat = a.shape.length === 2 ? a : reshape(a, [-1, inner])
  const columns = b.shape[transB ? 0 : 1] as number
  const attrs: Record<string, number> = {}
  if (transA) attrs['transA'] = 1
  if (transB) attrs['transB'] = 1
  if (alpha !== 1) attrs['alpha'] = alpha
  // Gemm adds what broadcasts to its flat result; a bias of columns is the same for any shape before.
  const hasBias =
    bias !== undefined &&
    bias.dtype === a.dtype &&
    (sameShape(bias.shape, [columns]) ||
      (a.shape.length === 2 && bias.shape.length <= 2 && fitsMatrix(bias, flat, columns, transA)))
  const value = emit1('Gemm', hasBias ? [flat, b, bias] : [flat, b], attrs)
  if (a.shape.length === 2) return { value, hasBias }
  return { value: reshape(value, [...before, a.shape[a.shape.length - 2] as number, columns]), hasBias }
}

/** Whether a bias broadcasts to the product without making it larger. */
function fitsMatrix(bias: Value, a: Value, columns: number, transA: boolean): boolean {
  const shape = [a.shape[transA ? 1 : 0] as number, columns]
  return bias.shape.every((length, axis) => {
    const own = shape[shape.length - bias.shape.length + axis] as number
    return length === 1 || length === own
  })
}

function batched(a: Value, b: Value, transA: boolean, transB: boolean, alpha: number): Value {
  broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul')
  if (a.dtype === 'f32' && (transA || transB || alpha !== 1)) {
    const attrs = { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha }
    return emit1('FusedMatMul', [a, b], attrs, { domain: 'com.microsoft' })
  }
  const product = emit1('MatMul', [transA ? swapAxes(a, -1, -2) : a, transB ? swapAxes(b, -1, -2) : b])
  return alpha === 1 ? product : mul(product, alpha)
}

function checkInner(a: Value, b: Value, transA: boolean, transB: boolean): void {
  const inner = a.shape[a.shape.length - (transA ? 2 : 1)]
  const other = b.shape[b.shape.length - (transB ? 1 : 2)]
  if (inner !== other && inner !== -1 && other !== -1) {
    const text = (x: Value, isTransposed: boolean): string =>
      `${shapeText(x.shape)}${isTransposed ? ' transposed' : ''}`
    throw new PithError('PITH_SHAPE', `matmul: ${text(a, transA)} and ${text(b, transB)} do not chain`)
  }
}

function trim(product: Value, isRow: boolean, isColumn: boolean): Value {
  const axes = [...(isRow ? [-2] : []), ...(isColumn ? [-1] : [])]
  return axes.length === 0 ? product : squeeze(product, axes)
}

/** How a window moves over the axes after batch and channels; one number holds for all of them. */
export interface WindowOptions {
  /** Default 1. */
  strides?: number | readonly number[]
  /** Margin: one number, one for each axis, or all starts and then all ends. Default 0. */
  pads?: number | readonly number[]
  /** Default 1. */
  dilations?: number | readonly number[]
}

/** A window, groups of channels and a bias. */
export interface ConvOptions extends WindowOptions {
  /** f32[outputs]. */
  bias?: Value
  /** Groups of channels that do not see each other. Default 1. */
  groups?: number
}

/**
 * Convolution over one, two or three axes.
 *
 * @param x [batch, channels, ...axes]
 * @param w [outputs, channels / groups, ...window]
 */
export function conv(x: Value, w: Value, { bias, groups = 1, ...options }: ConvOptions = {}): Value {
  const attrs = { ...windowAttrs(w.shape.slice(2), options), group: groups }
  return emit1('Conv', bias === undefined ? [x, w] : [x, w, bias], attrs)
}

/** Convolution of images: x [batch, channels, height, width], w [outputs, channels / groups, height, width]. */
export function conv2d(x: Value, w: Value, options: ConvOptions = {}): Value {
  if (x.shape.length !== 4 || w.shape.length !== 4) {
    throw new PithError('PITH_SHAPE', `conv2d: ${shapeText(x.shape)} and ${shapeText(w.shape)} need four axes`)
  }
  return conv(x, w, options)
}

/** As for a convolution, and the size of the result. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Added to the end of each axis, to tell apart sizes that the strides merge. Default 0. */
  outputPadding?: number | readonly number[]
}

/**
 * The adjoint of a convolution.
 *
 * @param x [batch, channels, ...axes]
 * @param w [channels, outputs / groups, ...window]
 */
export function convTranspose(x: Value, w: Value, options: ConvTransposeOptions = {}): Value {
  const { bias, groups = 1, outputPadding = 0, ...rest } = options
  const window = w.shape.slice(2)
  const attrs = {
    ...windowAttrs(window, rest),
    group: groups,
    output_padding: spread(outputPadding, window.length, 'outputPadding'),
  }
  return emit1('ConvTranspose', bias === undefined ? [x, w] : [x, w, bias], attrs)
}

/** A window that is reduced. */
export interface PoolOptions extends WindowOptions {
  /** Lengths of the window; one number holds for all axes. */
  size: number | readonly number[]
}

/** The greatest element of each window of the axes after batch and channels; windows do not overlap unless told. */
export function maxPool(x: Value, { size, strides = size, ...options }: PoolOptions): Value {
  return emit1('MaxPool', [x], windowAttrs(spread(size, x.shape.length - 2, 'size'), { strides, ...options }))
}

/** The mean of each window of the axes after batch and channels; the margin is not counted. */
export function avgPool(x: Value, { size, strides = size, ...options }: PoolOptions): Value {
  return emit1('AveragePool', [x], windowAttrs(spread(size, x.shape.length - 2, 'size'), { strides, ...options }))
}

function windowAttrs(window: readonly number[], { strides = 1, pads = 0, dilations = 1 }: WindowOptions): Attrs {
  const rank = window.length
  const isWhole = typeof pads !== 'number' && pads.length === 2 * rank
  const margin = isWhole ? pads : spread(pads, rank, 'pads')
  return {
    kernel_shape: [...window],
    strides: spread(strides, rank, 'strides'),
    dilations: spread(dilations, rank, 'dilations'),
    pads: isWhole ? [...margin] : [...margin, ...margin],
  }
}

function spread(value: number | readonly number[], rank: number, what: string): number[] {
  if (typeof value === 'number') return new Array<number>(rank).fill(value)
  if (value.length !== rank) throw new PithError('PITH_SHAPE', `${what}: ${shapeText(value)} for ${rank} axes`)
  return [...value]
}

/** Gemm as it is: alpha * a b + c of matrices. */
export function gemm(a: Value, b: Value, c?: Value, flags: Partial<GemmFlags> = {}): Value {
  const { transA = false, transB = false, alpha = 1 } = flags
  const inputs = c === undefined ? [a, b] : [a, b, c]
  return graphOf(inputs).emit('Gemm', inputs, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha })[0] as Value
}
