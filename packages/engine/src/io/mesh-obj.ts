/** Wavefront OBJ: points, normals, places and faces as lines of text. Groups and materials are left out. */
import { PithError } from '@pith/core'
import {
  checkCount,
  checkMesh,
  floats,
  linesOf,
  type Mesh,
  type MeshLimits,
  type Numbers,
  numberOf,
  wholes,
} from './mesh.ts'

/**
 * Read an OBJ file. Faces of more corners become fans of triangles; corners that share a point but not its normal or place
 * become points of their own.
 *
 * @throws PithError `PITH_CORRUPT` a number that is none, a face of less than three corners or of points that are not there ·
 * `PITH_LIMIT`
 */
export function readObj(bytes: Uint8Array, limits: MeshLimits = {}): Mesh {
  const points = floats()
  const normals = floats()
  const places = floats()
  const corners = wholes()
  let line = 0
  for (const text of linesOf(bytes)) {
    line++
    const [keyword, ...words] = text.split('#', 1)[0]?.trim().split(/\s+/) ?? []
    if (keyword === 'v') pushAll(points, words, 3, line)
    else if (keyword === 'vn') pushAll(normals, words, 3, line)
    else if (keyword === 'vt') pushAll(places, [words[0] as string, words[1] ?? '0'], 2, line)
    else if (keyword === 'f') pushFace(corners, words, [points.length / 3, places.length / 2, normals.length / 3], line)
    else continue
    checkCount(points.length / 3, 'points', limits)
    checkCount(corners.length / 9, 'triangles', limits)
  }
  return join(points, places, normals, corners)
}

function pushAll(into: Numbers<Float32Array>, words: readonly string[], count: number, line: number): void {
  for (let i = 0; i < count; i++) into.push(numberOf(words[i], 'a coordinate', line))
}

/** Corners as point, place and normal, each counted from 1 and 0 where it is left out. */
function pushFace(
  corners: Numbers<Uint32Array>,
  words: readonly string[],
  counts: readonly number[],
  line: number,
): void {
  if (words.length < 3) throw new PithError('PITH_CORRUPT', `the face in line ${line} has ${words.length} corners`)
  const own = words.map((word) => cornerOf(word, counts, line))
  for (let i = 2; i < own.length; i++) {
    for (const corner of [own[0], own[i - 1], own[i]])
      for (const place of corner as readonly number[]) corners.push(place)
  }
}

function cornerOf(word: string, counts: readonly number[], line: number): readonly number[] {
  const parts = word.split('/')
  if (parts.length > 3) throw new PithError('PITH_CORRUPT', `a corner in line ${line} has ${parts.length} parts`)
  return counts.map((count, i) => {
    const part = parts[i] ?? ''
    if (part === '' && i > 0) return 0
    const value = numberOf(part, 'a corner', line)
    // Numbers below zero count from the last that stands above.
    const place = value < 0 ? value + count + 1 : value
    if (Number.isInteger(place) && place >= 1 && place <= count) return place
    throw new PithError('PITH_CORRUPT', `a corner in line ${line} names ${value}, there are ${count}`)
  })
}

function join(
  points: Numbers<Float32Array>,
  places: Numbers<Float32Array>,
  normals: Numbers<Float32Array>,
  corners: Numbers<Uint32Array>,
): Mesh {
  const count = corners.length / 3
  let hasPlaces = count > 0
  let hasNormals = count > 0
  for (let i = 0; i < count; i++) {
    if (corners.at(3 * i + 1) === 0) hasPlaces = false
    if (corners.at(3 * i + 2) === 0) hasNormals = false
  }
  const triangles = new Uint32Array(count)
  if (!hasPlaces && !hasNormals) {
    for (let i = 0; i < count; i++) triangles[i] = corners.at(3 * i) - 1
    return { positions: points.take(), triangles }
  }
  const known = new Map<string, number>()
  const own = { positions: floats(), places: floats(), normals: floats() }
  for (let i = 0; i < count; i++) {
    const [point, place, normal] = [0, 1, 2].map((part) => corners.at(3 * i + part) - 1) as [number, number, number]
    const key = `${point} ${hasPlaces ? place : 0} ${hasNormals ? normal : 0}`
    let at = known.get(key)
    if (at === undefined) {
      at = known.size
      known.set(key, at)
      for (let k = 0; k < 3; k++) own.positions.push(points.at(3 * point + k))
      if (hasPlaces) for (let k = 0; k < 2; k++) own.places.push(places.at(2 * place + k))
      if (hasNormals) for (let k = 0; k < 3; k++) own.normals.push(normals.at(3 * normal + k))
    }
    triangles[i] = at
  }
  return {
    positions: own.positions.take(),
    triangles,
    ...(hasPlaces ? { places: own.places.take() } : {}),
    ...(hasNormals ? { normals: own.normals.take() } : {}),
  }
}

/** Write an OBJ file; colours are left out. Numbers come back to the bit. @throws PithError `PITH_SHAPE` */
export function writeObj(mesh: Mesh): Uint8Array<ArrayBuffer> {
  checkMesh(mesh)
  const { positions, triangles, normals, places } = mesh
  const lines: string[] = []
  const put = (keyword: string, data: Float32Array | undefined, width: number): void => {
    for (let i = 0; i < (data?.length ?? 0); i += width) {
      lines.push(`${keyword} ${Array.from(data?.subarray(i, i + width) ?? []).join(' ')}`)
    }
  }
  put('v', positions, 3)
  put('vt', places, 2)
  put('vn', normals, 3)
  const corner = (at: number): string => {
    if (places === undefined && normals === undefined) return String(at)
    return `${at}/${places === undefined ? '' : at}${normals === undefined ? '' : `/${at}`}`
  }
  for (let i = 0; i < triangles.length; i += 3) {
    lines.push(`f ${Array.from(triangles.subarray(i, i + 3), (at) => corner(at + 1)).join(' ')}`)
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}
