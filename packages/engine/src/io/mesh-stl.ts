/** STL: triangles without shared points, as text or in 50 bytes each. */
import { PithError } from '@pith/core'
import { checkCount, checkMesh, floats, linesOf, type Mesh, type MeshLimits, numberOf } from './mesh.ts'

const HEADER = 80
const TRIANGLE = 50

/**
 * Read an STL file. Corners at the same place become one point; normals of triangles are left out.
 *
 * @throws PithError `PITH_TRUNCATED`, `PITH_CORRUPT` the file · `PITH_LIMIT`
 */
export function readStl(bytes: Uint8Array, limits: MeshLimits = {}): Mesh {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = bytes.length >= HEADER + 4 ? view.getUint32(HEADER, true) : -1
  // Files in bytes may begin with `solid` as those of text do; their length says what they are.
  const isText = startsWith(bytes, 'solid') && bytes.length !== HEADER + 4 + TRIANGLE * count
  const corners = isText ? readText(bytes, limits) : readBytes(view, count, limits)
  return merge(corners)
}

function readBytes(view: DataView, count: number, limits: MeshLimits): Float32Array {
  if (count < 0) throw new PithError('PITH_TRUNCATED', 'the STL file ends in its header')
  checkCount(count, 'triangles', limits)
  if (view.byteLength < HEADER + 4 + TRIANGLE * count) {
    throw new PithError('PITH_TRUNCATED', `${count} triangles do not fit in ${view.byteLength} bytes`)
  }
  const corners = new Float32Array(9 * count)
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < 9; k++) {
      const value = view.getFloat32(HEADER + 4 + TRIANGLE * i + 12 + 4 * k, true)
      if (!Number.isFinite(value)) throw new PithError('PITH_CORRUPT', `triangle ${i} has a corner at ${value}`)
      corners[9 * i + k] = value
    }
  }
  return corners
}

function readText(bytes: Uint8Array, limits: MeshLimits): Float32Array {
  const corners = floats()
  let line = 0
  let inFace = 0
  let isEnded = false
  for (const text of linesOf(bytes)) {
    line++
    const words = text.trim().split(/\s+/)
    if (words[0] === 'vertex') {
      for (let k = 1; k <= 3; k++) corners.push(numberOf(words[k], 'a coordinate', line))
      inFace++
      checkCount(corners.length / 9, 'triangles', limits)
    } else if (words[0] === 'endfacet') {
      if (inFace !== 3)
        throw new PithError('PITH_CORRUPT', `the triangle that ends in line ${line} has ${inFace} corners`)
      inFace = 0
    } else if (words[0] === 'endsolid') isEnded = true
  }
  if (!isEnded || inFace !== 0) throw new PithError('PITH_TRUNCATED', 'the STL file ends before its last triangle')
  return corners.take()
}

/** Corners at the same place as one point. */
function merge(corners: Float32Array): Mesh {
  const known = new Map<string, number>()
  const positions = floats()
  const triangles = new Uint32Array(corners.length / 3)
  for (let i = 0; i < triangles.length; i++) {
    const place = corners.subarray(3 * i, 3 * i + 3)
    const key = place.join()
    let at = known.get(key)
    if (at === undefined) {
      at = known.size
      known.set(key, at)
      for (const value of place) positions.push(value)
    }
    triangles[i] = at
  }
  return { positions: positions.take(), triangles }
}

/** Write an STL file of bytes; only the triangles are kept. @throws PithError `PITH_SHAPE` */
export function writeStl(mesh: Mesh): Uint8Array<ArrayBuffer> {
  checkMesh(mesh)
  const { positions, triangles } = mesh
  const count = triangles.length / 3
  const bytes = new Uint8Array(HEADER + 4 + TRIANGLE * count)
  const view = new DataView(bytes.buffer)
  view.setUint32(HEADER, count, true)
  for (let i = 0; i < count; i++) {
    const corners = Array.from(triangles.subarray(3 * i, 3 * i + 3), (at) => positions.subarray(3 * at, 3 * at + 3))
    const at = HEADER + 4 + TRIANGLE * i
    for (const [k, value] of normalOf(corners).entries()) view.setFloat32(at + 4 * k, value, true)
    for (const [c, corner] of corners.entries()) {
      for (let k = 0; k < 3; k++) view.setFloat32(at + 12 + 12 * c + 4 * k, corner[k] as number, true)
    }
  }
  return bytes
}

function normalOf([a, b, c]: readonly Float32Array[]): [number, number, number] {
  const side = (to: Float32Array | undefined, k: number): number => (to?.[k] as number) - (a?.[k] as number)
  const cross = [0, 1, 2].map((k) => {
    const [i, j] = [(k + 1) % 3, (k + 2) % 3]
    return side(b, i) * side(c, j) - side(b, j) * side(c, i)
  }) as [number, number, number]
  const length = Math.hypot(...cross) || 1
  return [cross[0] / length, cross[1] / length, cross[2] / length]
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return Array.from(text).every((letter, i) => bytes[i] === letter.charCodeAt(0))
}
