/** glTF in one file (.glb), by `@gltf-transform/core`, which is loaded when it is needed. */
import { PithError } from '@pith/core'
import { isRecord, parseJsonBytes } from './json-text.ts'
import { checkCount, checkMesh, type Mesh, type MeshLimits } from './mesh.ts'

type Library = typeof import('@gltf-transform/core')
type Primitive = InstanceType<Library['Primitive']>
type Node = InstanceType<Library['Node']>

const MAGIC = 0x46546c67
const JSON_CHUNK = 0x4e4f534a

/** Most nodes of a scene. */
const MAX_NODES = 100_000
const TRIANGLES = 4

/** A mesh of a scene, where the scene puts it. */
export interface SceneMesh extends Mesh {
  readonly name: string
}

/**
 * Read the meshes of a .glb file, each as often as its scenes show it and turned and moved as they say. Materials, skins and
 * animations are left out.
 *
 * @throws PithError `PITH_CAPABILITY` the library is not installed · `PITH_TRUNCATED`, `PITH_CORRUPT` the file ·
 * `PITH_UNSUPPORTED` compressed meshes, lines · `PITH_LIMIT`
 */
export async function readGlb(bytes: Uint8Array, limits: MeshLimits = {}): Promise<SceneMesh[]> {
  checkGlb(bytes, limits)
  const { WebIO } = await loadLibrary()
  const meshes: SceneMesh[] = []
  try {
    const document = await new WebIO().readBinary(bytes)
    let count = 0
    const visit = (node: Node): void => {
      const mesh = node.getMesh()
      for (const primitive of mesh?.listPrimitives() ?? []) {
        const own = meshOf(primitive, node.getWorldMatrix())
        count += own.positions.length / 3 + own.triangles.length / 3
        checkCount(count, 'points and triangles', limits)
        meshes.push({ name: mesh?.getName() ?? '', ...own })
      }
    }
    for (const scene of document.getRoot().listScenes()) scene.traverse(visit)
  } catch (cause) {
    if (cause instanceof PithError) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new PithError('PITH_CORRUPT', `the glTF file can not be read: ${text.slice(0, 120)}`, { cause })
  }
  return meshes
}

/** Write meshes as one scene of a .glb file; colours become numbers of 0..1. @throws PithError `PITH_CAPABILITY`, `PITH_SHAPE` */
export async function writeGlb(meshes: readonly Mesh[]): Promise<Uint8Array<ArrayBuffer>> {
  for (const mesh of meshes) checkMesh(mesh)
  const { Document, WebIO } = await loadLibrary()
  const document = new Document()
  const buffer = document.createBuffer()
  const scene = document.createScene()
  for (const [i, mesh] of meshes.entries()) {
    const accessor = (type: 'SCALAR' | 'VEC2' | 'VEC3' | 'VEC4', data: Float32Array | Uint32Array) =>
      document.createAccessor().setType(type).setArray(data.slice()).setBuffer(buffer)
    const primitive = document.createPrimitive().setAttribute('POSITION', accessor('VEC3', mesh.positions))
    if (mesh.normals !== undefined) primitive.setAttribute('NORMAL', accessor('VEC3', mesh.normals))
    if (mesh.places !== undefined) primitive.setAttribute('TEXCOORD_0', accessor('VEC2', flipped(mesh.places)))
    if (mesh.colours !== undefined) {
      const isOpaque = mesh.colours.length === mesh.positions.length
      const colours = Float32Array.from(mesh.colours, (value) => value / 255)
      primitive.setAttribute('COLOR_0', accessor(isOpaque ? 'VEC3' : 'VEC4', colours))
    }
    if (mesh.triangles.length > 0) primitive.setIndices(accessor('SCALAR', mesh.triangles))
    else primitive.setMode(0)
    scene.addChild(document.createNode().setMesh(document.createMesh(`mesh ${i}`).addPrimitive(primitive)))
  }
  return new Uint8Array(await new WebIO().writeBinary(document))
}

/** glTF counts places from the upper left. */
function flipped(places: Float32Array): Float32Array {
  return places.map((value, i) => (i % 2 === 1 ? 1 - value : value))
}

/** Only what is named here goes into bundles: the rest of the library knows files. */
async function loadLibrary(): Promise<Pick<Library, 'Document' | 'WebIO'>> {
  try {
    const { Document, WebIO } = await import('@gltf-transform/core')
    return { Document, WebIO }
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', 'the library that reads and writes glTF is not installed', {
      cause,
      hint: 'Run: npm install @gltf-transform/core',
    })
  }
}

function meshOf(primitive: Primitive, matrix: readonly number[]): Mesh {
  const mode = primitive.getMode()
  if (mode !== TRIANGLES && mode !== 0) {
    throw new PithError('PITH_UNSUPPORTED', `glTF of mode ${mode} (lines, strips or fans) is not read`)
  }
  const positions = numbersOf(primitive, 'POSITION', 3)
  if (positions === undefined) throw new PithError('PITH_CORRUPT', 'a mesh of the glTF file has no points')
  const points = positions.length / 3
  const indices = primitive.getIndices()?.getArray()
  const triangles =
    mode === 0
      ? new Uint32Array(0)
      : Uint32Array.from(indices ?? Array.from({ length: points - (points % 3) }, (_, i) => i))
  const normals = numbersOf(primitive, 'NORMAL', 3)
  const places = numbersOf(primitive, 'TEXCOORD_0', 2)
  const colour = primitive.getAttribute('COLOR_0')
  const colours = colour === null ? undefined : numbersOf(primitive, 'COLOR_0', colour.getElementSize())
  const mesh: Mesh = {
    positions: moved(positions, matrix, 1),
    triangles,
    ...(normals === undefined ? {} : { normals: unit(turned(normals, matrix)) }),
    ...(places === undefined ? {} : { places: flipped(places) }),
    ...(colours === undefined ? {} : { colours: Uint8Array.from(colours, (value) => Math.round(255 * value)) }),
  }
  try {
    checkMesh(mesh)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the parts of a mesh of the glTF file do not fit', { cause })
  }
  return mesh
}

/** The numbers of an attribute; integers that stand for 0..1 or -1..1 as such. */
function numbersOf(primitive: Primitive, name: string, width: number): Float32Array | undefined {
  const accessor = primitive.getAttribute(name)
  if (accessor === null) return undefined
  if (accessor.getElementSize() !== width) throw new PithError('PITH_CORRUPT', `${name} is ${accessor.getType()}`)
  const count = accessor.getCount()
  const out = new Float32Array(count * width)
  const element: number[] = []
  for (let i = 0; i < count; i++) out.set(accessor.getElement(i, element), i * width)
  if (out.some((value) => !Number.isFinite(value))) throw new PithError('PITH_CORRUPT', `${name} is not finite`)
  return out
}

/** Points under a matrix that stands column by column. */
function moved(points: Float32Array, m: readonly number[], shift: number): Float32Array {
  const out = new Float32Array(points.length)
  for (let i = 0; i < points.length; i += 3) {
    const [x = 0, y = 0, z = 0] = points.subarray(i, i + 3)
    for (let k = 0; k < 3; k++) {
      const [a = 0, b = 0, c = 0, d = 0] = [m[k], m[4 + k], m[8 + k], m[12 + k]]
      out[i + k] = a * x + b * y + c * z + d * shift
    }
  }
  return out
}

/** Normals under the cofactors of a matrix, which keep them upright where it stretches. */
function turned(normals: Float32Array, m: readonly number[]): Float32Array {
  const cofactors = new Array<number>(16).fill(0)
  const at = (row: number, column: number): number => m[4 * (column % 3) + (row % 3)] as number
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      cofactors[4 * column + row] =
        at(row + 1, column + 1) * at(row + 2, column + 2) - at(row + 1, column + 2) * at(row + 2, column + 1)
    }
  }
  return moved(normals, cofactors, 0)
}

function unit(vectors: Float32Array): Float32Array {
  for (let i = 0; i < vectors.length; i += 3) {
    const length = Math.hypot(vectors[i] as number, vectors[i + 1] as number, vectors[i + 2] as number) || 1
    for (let k = i; k < i + 3; k++) vectors[k] = (vectors[k] as number) / length
  }
  return vectors
}

/** Look at the frame of a .glb file and at what its JSON makes a reader allocate. */
function checkGlb(bytes: Uint8Array, limits: MeshLimits): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 20) throw new PithError('PITH_TRUNCATED', 'a .glb file has 20 bytes or more')
  if (view.getUint32(0, true) !== MAGIC)
    throw new PithError('PITH_CORRUPT', 'this is no .glb file', { at: { offset: 0 } })
  if (view.getUint32(4, true) !== 2) throw new PithError('PITH_VERSION', `glTF of version ${view.getUint32(4, true)}`)
  if (view.getUint32(8, true) !== bytes.length) throw new PithError('PITH_TRUNCATED', 'the .glb file is not whole')
  const size = view.getUint32(12, true)
  if (view.getUint32(16, true) !== JSON_CHUNK || size > bytes.length - 20) {
    throw new PithError('PITH_CORRUPT', 'the .glb file does not begin with its JSON')
  }
  const rest = bytes.length - 20 - size
  if (rest !== 0 && (rest < 8 || view.getUint32(20 + size, true) > rest - 8)) {
    throw new PithError('PITH_CORRUPT', 'the data of the .glb file do not fit in it')
  }
  const json = parseJsonBytes(bytes.subarray(20, 20 + size), 'the JSON of the .glb file')
  if (!isRecord(json)) throw new PithError('PITH_CORRUPT', 'the JSON of the .glb file is no object')
  const required = json['extensionsRequired']
  if (Array.isArray(required) && required.length > 0) {
    throw new PithError('PITH_UNSUPPORTED', `glTF with ${String(required[0]).slice(0, 60)} is not read`)
  }
  const nodes = listOf(json, 'nodes')
  if (nodes.length > MAX_NODES) throw new PithError('PITH_LIMIT', `the scene has ${nodes.length} nodes`)
  checkTree(nodes)
  for (const key of ['buffers', 'images']) {
    for (const own of listOf(json, key)) {
      if (own['uri'] !== undefined) throw new PithError('PITH_UNSUPPORTED', `the glTF file keeps ${key} elsewhere`)
    }
  }
  for (const own of listOf(json, 'accessors')) {
    const { count } = own
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) {
      throw new PithError('PITH_CORRUPT', 'an accessor of the glTF file has no count')
    }
    // Without data behind them they are zeros, which cost the file nothing.
    if (own['bufferView'] === undefined || count > bytes.length)
      checkCount(count, 'zeros', { maxElements: bytes.length })
    checkCount(count, 'points', limits)
  }
}

/** Refuse nodes that hold each other. @throws PithError `PITH_CORRUPT` */
function checkTree(nodes: readonly Record<string, unknown>[]): void {
  const parents = new Int32Array(nodes.length).fill(-1)
  for (const [at, node] of nodes.entries()) {
    for (const child of Array.isArray(node['children']) ? node['children'] : []) {
      if (!Number.isInteger(child) || child < 0 || child >= nodes.length || parents[child] !== -1) {
        throw new PithError('PITH_CORRUPT', `the nodes of the glTF file are no tree, at node ${at}`)
      }
      parents[child] = at
    }
  }
  const depths = new Int32Array(nodes.length)
  for (let start = 0; start < nodes.length; start++) {
    let steps = 0
    for (let at = start; at !== -1; at = parents[at] as number) {
      if (depths[at] !== 0) {
        steps += depths[at] as number
        break
      }
      if (++steps > 1000)
        throw new PithError('PITH_CORRUPT', 'the nodes of the glTF file are nested too deeply, or in a ring')
    }
    depths[start] = steps
    if (steps > 1000)
      throw new PithError('PITH_CORRUPT', 'the nodes of the glTF file are nested too deeply, or in a ring')
  }
}

function listOf(json: Record<string, unknown>, key: string): readonly Record<string, unknown>[] {
  const list = json[key] ?? []
  if (!Array.isArray(list) || !list.every(isRecord))
    throw new PithError('PITH_CORRUPT', `${key} of the glTF file is no list`)
  return list
}
