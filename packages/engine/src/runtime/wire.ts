/** Tensors as they cross to a worker and back. */
import type { Movable } from '@pith/core/workers'
import type { Data } from '../dtype.ts'
import { type Spec, Tensor } from '../tensor.ts'

/** A tensor as plain data: cloning drops the class. */
export interface WireTensor extends Spec {
  readonly data: Data
}

/**
 * Copies of tensors that can be sent and kept: cloning a view would send all of the memory behind it.
 *
 * @param names  those that are wanted. Default all
 */
export function tensorsToWire(
  tensors: Readonly<Record<string, Tensor>>,
  names: readonly string[] = Object.keys(tensors),
): { readonly wire: Record<string, WireTensor>; readonly movables: Movable[] } {
  const movables: Movable[] = []
  const wire: Record<string, WireTensor> = {}
  for (const name of names) {
    const tensor = tensors[name]
    if (tensor === undefined) continue
    const data = tensor.data.slice()
    if (ArrayBuffer.isView(data)) movables.push(data.buffer as ArrayBuffer)
    wire[name] = { dtype: tensor.dtype, shape: tensor.shape, data }
  }
  return { wire, movables }
}

/** Tensors of what came, by name. */
export function tensorsFromWire(wire: Readonly<Record<string, WireTensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(wire).map(([name, { dtype, shape, data }]) => [name, new Tensor(data, shape, dtype)]),
  )
}

/** A copy of bytes in memory that threads share, where there is such memory. */
export function shareBytes(bytes: Uint8Array, isShared: boolean): Uint8Array {
  const memory = isShared && canShare() ? new SharedArrayBuffer(bytes.length) : new ArrayBuffer(bytes.length)
  const copy = new Uint8Array(memory)
  copy.set(bytes)
  return copy
}

/** Whether threads can share memory: in browsers only where the page is isolated (COOP and COEP). */
export function canShare(): boolean {
  return typeof SharedArrayBuffer === 'function'
}
