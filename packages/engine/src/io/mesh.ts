/** Points and triangles, in whatever file they stand. */
import { PithError } from '@pith/core'

/** A surface of triangles, or a cloud of points where there are none. */
export interface Mesh {
  /** f32[points, 3]. */
  readonly positions: Float32Array
  /** u32[triangles, 3]: points of each, counter-clockwise seen from outside. */
  readonly triangles: Uint32Array
  /** f32[points, 3], of length 1. */
  readonly normals?: Float32Array
  /** f32[points, 2]: places in a picture, from its lower left. */
  readonly places?: Float32Array
  /** u8[points, 3 or 4]: red, green, blue and opacity. */
  readonly colours?: Uint8Array
}

/** How a mesh is read. */
export interface MeshLimits {
  /** Most points, and most triangles. Default 2^26. */
  maxElements?: number
}

/** Most points and triangles where nothing else is asked for. */
export const MAX_ELEMENTS: number = 2 ** 26

/** Refuse too many points or triangles. @throws PithError `PITH_LIMIT` */
export function checkCount(count: number, what: string, { maxElements = MAX_ELEMENTS }: MeshLimits): void {
  if (count > maxElements)
    throw new PithError('PITH_LIMIT', `the mesh has ${count} ${what}, at most ${maxElements} are read`)
}

/** Refuse a mesh that is not one, before it is written. @throws PithError `PITH_SHAPE` */
export function checkMesh({ positions, triangles, normals, places, colours }: Mesh): void {
  const points = positions.length / 3
  const isColoured = colours === undefined || colours.length === 3 * points || colours.length === 4 * points
  if (
    positions.length % 3 !== 0 ||
    triangles.length % 3 !== 0 ||
    (normals?.length ?? 3 * points) !== 3 * points ||
    (places?.length ?? 2 * points) !== 2 * points ||
    !isColoured
  ) {
    throw new PithError('PITH_SHAPE', `the parts of the mesh do not fit its ${points} points`)
  }
  for (let i = 0; i < triangles.length; i++) {
    if ((triangles[i] as number) >= points) {
      throw new PithError('PITH_SHAPE', `a triangle names point ${triangles[i]}, there are ${points}`)
    }
  }
}

/** Numbers of which there may be any number: room grows as they come. */
export class Numbers<A extends Float32Array | Uint32Array | Uint8Array> {
  length: number = 0
  #data: A
  readonly #make: (length: number) => A

  constructor(make: (length: number) => A) {
    this.#make = make
    this.#data = make(64)
  }

  push(value: number): void {
    if (this.length === this.#data.length) {
      const next = this.#make(2 * this.length)
      next.set(this.#data)
      this.#data = next
    }
    this.#data[this.length++] = value
  }

  at(index: number): number {
    return this.#data[index] as number
  }

  take(): A {
    return this.#data.slice(0, this.length) as A
  }
}

/** Numbers of single precision. */
export function floats(): Numbers<Float32Array> {
  return new Numbers((length) => new Float32Array(length))
}

/** Places of points. */
export function wholes(): Numbers<Uint32Array> {
  return new Numbers((length) => new Uint32Array(length))
}

/** A number in a text file. @throws PithError `PITH_CORRUPT` it is none */
export function numberOf(word: string | undefined, what: string, line: number): number {
  const value = word === undefined || word === '' ? Number.NaN : Number(word)
  if (Number.isFinite(value)) return value
  throw new PithError(
    'PITH_CORRUPT',
    `${what} in line ${line} is ${JSON.stringify((word ?? '').slice(0, 40))}, no number`,
  )
}

/** The lines of a text file, one after the other, without what ends them. */
export function* linesOf(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder()
  for (let at = 0; at < bytes.length; ) {
    let end = bytes.indexOf(10, at)
    if (end < 0) end = bytes.length
    const last = end > at && bytes[end - 1] === 13 ? end - 1 : end
    yield decoder.decode(bytes.subarray(at, last))
    at = end + 1
  }
}
