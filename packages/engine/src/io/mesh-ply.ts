/** PLY: a header that names columns, then rows of points and faces, as text or little-endian numbers. */
import { PithError } from '@pith/core'
import { checkCount, checkMesh, type Mesh, type MeshLimits, type Numbers, numberOf, wholes } from './mesh.ts'

interface Scalar {
  readonly bytes: number
  readonly read: (view: DataView, at: number) => number
}

const i8: Scalar = { bytes: 1, read: (view, at) => view.getInt8(at) }
const u8: Scalar = { bytes: 1, read: (view, at) => view.getUint8(at) }
const i16: Scalar = { bytes: 2, read: (view, at) => view.getInt16(at, true) }
const u16: Scalar = { bytes: 2, read: (view, at) => view.getUint16(at, true) }
const i32: Scalar = { bytes: 4, read: (view, at) => view.getInt32(at, true) }
const u32: Scalar = { bytes: 4, read: (view, at) => view.getUint32(at, true) }
const f32: Scalar = { bytes: 4, read: (view, at) => view.getFloat32(at, true) }
const f64: Scalar = { bytes: 8, read: (view, at) => view.getFloat64(at, true) }

const SCALARS: ReadonlyMap<string, Scalar> = /* @__PURE__ */ new Map([
  ['char', i8],
  ['int8', i8],
  ['uchar', u8],
  ['uint8', u8],
  ['short', i16],
  ['int16', i16],
  ['ushort', u16],
  ['uint16', u16],
  ['int', i32],
  ['int32', i32],
  ['uint', u32],
  ['uint32', u32],
  ['float', f32],
  ['float32', f32],
  ['double', f64],
  ['float64', f64],
])

interface Property {
  readonly name: string
  readonly type: Scalar
  /** Type of the length, for lists. */
  readonly list?: Scalar
}

interface Element {
  readonly name: string
  readonly count: number
  readonly properties: Property[]
}

interface Header {
  readonly isText: boolean
  readonly elements: readonly Element[]
  /** Where the rows begin. */
  readonly end: number
}

/** Longest header, in bytes. */
const MAX_HEADER = 1 << 16

/** Columns of points that are kept, by what they are. */
const COLUMNS = {
  positions: [['x', 'y', 'z']],
  normals: [['nx', 'ny', 'nz']],
  places: [
    ['s', 't'],
    ['u', 'v'],
    ['texture_u', 'texture_v'],
  ],
  colours: [
    ['red', 'green', 'blue', 'alpha'],
    ['red', 'green', 'blue'],
  ],
} as const

/**
 * Read a PLY file: its points (x, y, z, normals, places, colours of a byte each) and faces, as triangles. Other columns are
 * passed over.
 *
 * @throws PithError `PITH_TRUNCATED`, `PITH_CORRUPT` the file · `PITH_UNSUPPORTED` big-endian numbers · `PITH_LIMIT`
 */
export function readPly(bytes: Uint8Array, limits: MeshLimits = {}): Mesh {
  const header = readHeader(bytes)
  for (const { name, count, properties } of header.elements) {
    checkCount(count, name === 'vertex' ? 'points' : 'rows', limits)
    // Each row has a byte for each of its numbers at least.
    if (count * Math.max(properties.length, 1) > bytes.length - header.end + 1) {
      throw new PithError('PITH_TRUNCATED', `${count} rows of ${name} do not fit in the file`)
    }
  }
  const rows = header.isText ? new TextRows(bytes, header.end) : new ByteRows(bytes, header.end)
  let points: Points | undefined
  const triangles = wholes()
  for (const element of header.elements) {
    if (element.name === 'vertex') points = readPoints(rows, element)
    else if (element.name === 'face') readFaces(rows, element, triangles, limits)
    else for (let row = 0; row < element.count; row++) for (const own of element.properties) readProperty(rows, own)
  }
  if (points === undefined) throw new PithError('PITH_CORRUPT', 'the PLY file has no points')
  const mesh = { ...points, triangles: triangles.take() }
  for (const at of mesh.triangles) {
    if (at >= mesh.positions.length / 3) throw new PithError('PITH_CORRUPT', `a face names point ${at}`)
  }
  return mesh
}

type Points = Omit<Mesh, 'triangles'>

/** Numbers one after the other. */
interface Rows {
  next(type: Scalar): number
}

function readPoints(rows: Rows, { count, properties }: Element): Points {
  const columns = Object.entries(COLUMNS).flatMap(([part, choices]) => {
    const names = choices.find((choice) => choice.every((name) => properties.some((own) => own.name === name)))
    // Only bytes are colours; others may have any scale.
    if (names === undefined || (part === 'colours' && !isBytes(properties, names))) return []
    return [{ part, names: names as readonly string[] }]
  })
  if (!columns.some(({ part }) => part === 'positions'))
    throw new PithError('PITH_CORRUPT', 'the points have no x, y, z')
  const data: Record<string, Float32Array | Uint8Array> = {}
  for (const { part, names } of columns) {
    data[part] = part === 'colours' ? new Uint8Array(count * names.length) : new Float32Array(count * names.length)
  }
  const targets = properties.map(({ name }) => {
    const column = columns.find(({ names }) => names.includes(name))
    if (column === undefined) return undefined
    return { into: data[column.part] as Float32Array, width: column.names.length, at: column.names.indexOf(name) }
  })
  for (let row = 0; row < count; row++) {
    for (const [i, property] of properties.entries()) {
      const value = readProperty(rows, property)
      const target = targets[i]
      if (target === undefined) continue
      if (!Number.isFinite(value)) throw new PithError('PITH_CORRUPT', `point ${row} has the ${property.name} ${value}`)
      target.into[row * target.width + target.at] = value as number
    }
  }
  return data as unknown as Points
}

function isBytes(properties: readonly Property[], names: readonly string[]): boolean {
  return names.every((name) => properties.find((own) => own.name === name)?.type === u8)
}

/** A number; the elements of a list are given to `each`. */
function readProperty(rows: Rows, { type, list }: Property, each?: (value: number) => void): number {
  if (list === undefined) return rows.next(type)
  const length = rows.next(list)
  if (!(Number.isInteger(length) && length >= 0)) throw new PithError('PITH_CORRUPT', `a list has the length ${length}`)
  for (let i = 0; i < length; i++) {
    const value = rows.next(type)
    each?.(value)
  }
  return Number.NaN
}

function readFaces(rows: Rows, { count, properties }: Element, into: Numbers<Uint32Array>, limits: MeshLimits): void {
  const corners = wholes()
  for (let row = 0; row < count; row++) {
    for (const property of properties) {
      if (property.name !== 'vertex_indices' && property.name !== 'vertex_index') {
        readProperty(rows, property)
        continue
      }
      corners.length = 0
      readProperty(rows, property, (value) => {
        if (!(Number.isInteger(value) && value >= 0)) throw new PithError('PITH_CORRUPT', `a face names point ${value}`)
        corners.push(value)
      })
      if (corners.length < 3) throw new PithError('PITH_CORRUPT', `face ${row} has ${corners.length} corners`)
      for (let i = 2; i < corners.length; i++) for (const at of [0, i - 1, i]) into.push(corners.at(at))
      checkCount(into.length / 3, 'triangles', limits)
    }
  }
}

class ByteRows implements Rows {
  readonly #view: DataView
  #at: number

  constructor(bytes: Uint8Array, start: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
  }

  next(type: Scalar): number {
    const at = this.#at
    this.#at += type.bytes
    if (this.#at > this.#view.byteLength) throw new PithError('PITH_TRUNCATED', 'the PLY file ends in its rows')
    return type.read(this.#view, at)
  }
}

class TextRows implements Rows {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#at = start
  }

  next(): number {
    const bytes = this.#bytes
    while (this.#at < bytes.length && (bytes[this.#at] as number) <= 32) this.#at++
    const start = this.#at
    let word = ''
    while (this.#at < bytes.length && (bytes[this.#at] as number) > 32) {
      word += String.fromCharCode(bytes[this.#at++] as number)
      if (word.length > 64) throw new PithError('PITH_CORRUPT', 'a number has more than 64 characters')
    }
    if (start === this.#at) throw new PithError('PITH_TRUNCATED', 'the PLY file ends in its rows')
    return numberOf(word, `the number at byte ${start}`, 0)
  }
}

function readHeader(bytes: Uint8Array): Header {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, MAX_HEADER))
  const end = /\nend_header\r?\n/.exec(head)
  if (!/^ply\r?\n/.test(head)) throw new PithError('PITH_CORRUPT', 'this is no PLY file', { at: { offset: 0 } })
  if (end === null) throw new PithError('PITH_TRUNCATED', 'the header of the PLY file has no end')
  const elements: Element[] = []
  let format = ''
  for (const line of head.slice(0, end.index).split(/\r?\n/).slice(1)) {
    const [keyword, ...words] = line.trim().split(/\s+/)
    if (keyword === 'format') format = words[0] ?? ''
    else if (keyword === 'element') elements.push({ name: words[0] ?? '', count: countOf(words[1]), properties: [] })
    else if (keyword === 'property') {
      const element = elements.at(-1)
      if (element === undefined) throw new PithError('PITH_CORRUPT', 'a column of the PLY file has no rows')
      element.properties.push(propertyOf(words))
    }
  }
  if (format !== 'ascii' && format !== 'binary_little_endian') {
    throw new PithError(
      'PITH_UNSUPPORTED',
      `PLY files of the format ${JSON.stringify(format.slice(0, 40))} are not read`,
      {
        hint: 'Convert it to binary_little_endian.',
      },
    )
  }
  return { isText: format === 'ascii', elements, end: end.index + end[0].length }
}

function propertyOf(words: readonly string[]): Property {
  const isList = words[0] === 'list'
  const [list, type, name] = isList ? words.slice(1) : [undefined, ...words]
  const own = SCALARS.get(type ?? '')
  const length = isList ? SCALARS.get(list ?? '') : undefined
  if (own === undefined || name === undefined || (isList && length === undefined)) {
    throw new PithError('PITH_CORRUPT', `the column ${JSON.stringify(words.join(' ').slice(0, 60))} is not known`)
  }
  return { name, type: own, ...(length === undefined ? {} : { list: length }) }
}

function countOf(word: string | undefined): number {
  const count = Number(word)
  if (/^\d{1,15}$/.test(word ?? '')) return count
  throw new PithError('PITH_CORRUPT', `a number of rows is ${JSON.stringify((word ?? '').slice(0, 40))}`)
}

/**
 * Write a PLY file.
 *
 * @param format default `binary`: little-endian numbers
 * @throws PithError `PITH_SHAPE`
 */
export function writePly(mesh: Mesh, format: 'binary' | 'ascii' = 'binary'): Uint8Array<ArrayBuffer> {
  checkMesh(mesh)
  const { positions, triangles, normals, places, colours } = mesh
  const points = positions.length / 3
  const faces = triangles.length / 3
  const channels = points === 0 ? 0 : (colours?.length ?? 0) / points
  const float = (names: readonly string[]): string[] => names.map((name) => `property float ${name}`)
  const head = [
    'ply',
    `format ${format === 'ascii' ? 'ascii' : 'binary_little_endian'} 1.0`,
    `element vertex ${points}`,
    ...float(['x', 'y', 'z']),
    ...(normals === undefined ? [] : float(['nx', 'ny', 'nz'])),
    ...(places === undefined ? [] : float(['s', 't'])),
    ...['red', 'green', 'blue', 'alpha'].slice(0, channels).map((name) => `property uchar ${name}`),
    ...(faces === 0 ? [] : [`element face ${faces}`, 'property list uchar uint vertex_indices']),
    'end_header\n',
  ].join('\n')
  const floatsOf = (row: number): number[] => [
    ...positions.subarray(3 * row, 3 * row + 3),
    ...(normals?.subarray(3 * row, 3 * row + 3) ?? []),
    ...(places?.subarray(2 * row, 2 * row + 2) ?? []),
  ]
  const coloursOf = (row: number): Uint8Array =>
    colours?.subarray(channels * row, channels * (row + 1)) ?? new Uint8Array(0)
  const start = new TextEncoder().encode(head)
  if (format === 'ascii') {
    const lines: string[] = []
    for (let row = 0; row < points; row++) lines.push([...floatsOf(row), ...coloursOf(row)].join(' '))
    for (let i = 0; i < triangles.length; i += 3) lines.push(`3 ${triangles.subarray(i, i + 3).join(' ')}`)
    return new TextEncoder().encode(`${head}${lines.map((line) => `${line}\n`).join('')}`)
  }
  const width = 4 * (3 + (normals === undefined ? 0 : 3) + (places === undefined ? 0 : 2)) + channels
  const bytes = new Uint8Array(start.length + points * width + faces * 13)
  bytes.set(start)
  const view = new DataView(bytes.buffer)
  let at = start.length
  for (let row = 0; row < points; row++) {
    for (const value of floatsOf(row)) {
      view.setFloat32(at, value, true)
      at += 4
    }
    bytes.set(coloursOf(row), at)
    at += channels
  }
  for (let i = 0; i < triangles.length; i += 3) {
    bytes[at] = 3
    for (let k = 0; k < 3; k++) view.setUint32(at + 1 + 4 * k, triangles[i + k] as number, true)
    at += 13
  }
  return bytes
}
