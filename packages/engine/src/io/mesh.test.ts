import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, failure } from '../../test/errors.ts'
import type { Mesh } from './mesh.ts'
import { readGlb, writeGlb } from './mesh-gltf.ts'
import { readObj, writeObj } from './mesh-obj.ts'
import { readPly, writePly } from './mesh-ply.ts'
import { readStl, writeStl } from './mesh-stl.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A tetrahedron, with a normal, a place and a colour for each point. */
const SOLID = {
  positions: Float32Array.of(0, 0, 0, 1.5, 0, 0, 0, 1, 0, 0, 0, 0.1),
  triangles: Uint32Array.of(0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3),
  normals: Float32Array.of(-1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
  places: Float32Array.of(0, 0, 1, 0, 0, 1, 0.25, 0.75),
  colours: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30),
} as const satisfies Mesh

const BARE: Mesh = { positions: SOLID.positions, triangles: SOLID.triangles }

const coordinate = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }).map((value) => value + 0)

const anyMesh = fc
  .array(fc.tuple(coordinate, coordinate, coordinate), { minLength: 1, maxLength: 12 })
  .chain((points) =>
    fc
      .array(fc.integer({ min: 0, max: points.length - 1 }), { maxLength: 30 })
      .map((corners) => corners.slice(0, corners.length - (corners.length % 3)))
      .map((corners) => ({ positions: Float32Array.from(points.flat()), triangles: Uint32Array.from(corners) })),
  )

describe('OBJ', () => {
  test('points, normals and places come back; numbers to the bit', () => {
    const { colours: _, ...mesh } = SOLID
    // Corners are joined in the order in which triangles name them.
    const back = readObj(writeObj(mesh))
    expect(readObj(writeObj(back))).toEqual(back)
    expect(cornersOf(back)).toEqual(cornersOf(mesh))
    fc.assert(
      fc.property(anyMesh, (own) => {
        expect(readObj(writeObj(own))).toEqual(own)
      }),
    )
  })

  test('what other programs write: faces of four corners, numbers from the end, parts left out', () => {
    const text =
      '# a comment\r\no quad\r\nv 0 0 0\r\nv 1 0 0 # corner\r\nv 1 1 0\nv 0 1 0 1.0\nusemtl x\nf -4 -3 -2 -1\nf 1// 2// 3//'
    expect(readObj(bytesOf(text))).toEqual({
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0),
      triangles: Uint32Array.of(0, 1, 2, 0, 2, 3, 0, 1, 2),
    })
  })

  test.each([
    ['v 1 2', 'PITH_CORRUPT'],
    ['v 1 2 x', 'PITH_CORRUPT'],
    ['v 1 2 Infinity', 'PITH_CORRUPT'],
    ['v 0 0 0\nf 1 1', 'PITH_CORRUPT'],
    ['v 0 0 0\nf 1 1 2', 'PITH_CORRUPT'],
    ['v 0 0 0\nf 1 1 0', 'PITH_CORRUPT'],
    ['v 0 0 0\nf 1 1 1.5', 'PITH_CORRUPT'],
    ['v 0 0 0\nf 1/1 1/1 1/1', 'PITH_CORRUPT'],
    ['v 0 0 0\nv 0 0 0\nv 0 0 0', 'PITH_LIMIT'],
  ])('%j is refused', (text, code) => {
    expect(failure(() => readObj(bytesOf(text), { maxElements: 2 })).code).toBe(code)
  })
})

describe('STL', () => {
  test('triangles come back, and equal corners are one point', () => {
    const back = readStl(writeStl(SOLID))
    expect(back.positions.length).toBe(12)
    expect(cornersOf(back)).toEqual(cornersOf(BARE))
    expect(writeStl(SOLID).length).toBe(84 + 50 * 4)
    // The first triangle looks down.
    expect(new DataView(writeStl(SOLID).buffer).getFloat32(84 + 8, true)).toBe(-1)
  })

  test('a file of text', () => {
    const facet =
      'facet normal 0 0 1\n outer loop\n  vertex 0 0 0\n  vertex 1e0 0 0\n  vertex 0 1 0\n endloop\nendfacet\n'
    const mesh = { positions: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0), triangles: Uint32Array.of(0, 1, 2, 0, 1, 2) }
    expect(readStl(bytesOf(`solid a\n${facet}${facet}endsolid a\n`))).toEqual(mesh)
    expect(failure(() => readStl(bytesOf(`solid a\n${facet}`))).code).toBe('PITH_TRUNCATED')
    expect(failure(() => readStl(bytesOf('solid\nvertex 1 2 3\nendfacet\nendsolid\n'))).code).toBe('PITH_CORRUPT')
  })

  test('counts that do not fit are refused', () => {
    const bytes = writeStl(SOLID)
    new DataView(bytes.buffer).setUint32(80, 0xffffffff, true)
    expect(failure(() => readStl(bytes)).code).toBe('PITH_LIMIT')
    new DataView(bytes.buffer).setUint32(80, 5, true)
    expect(failure(() => readStl(bytes)).code).toBe('PITH_TRUNCATED')
    expect(failure(() => readStl(new Uint8Array(83))).code).toBe('PITH_TRUNCATED')
  })
})

describe('PLY', () => {
  test.each(['binary', 'ascii'] as const)('everything comes back from %s', (format) => {
    expect(readPly(writePly(SOLID, format))).toEqual(SOLID)
    fc.assert(
      fc.property(anyMesh, (own) => {
        expect(readPly(writePly(own, format))).toEqual(own)
      }),
    )
  })

  test('opacity, other columns and other rows', () => {
    const text = `ply
format ascii 1.0
comment made by hand
element vertex 3
property double x
property double y
property double z
property uchar red
property uchar green
property uchar blue
property uchar alpha
property float quality
element tag 2
property list uchar int marks
element face 1
property uchar flags
property list uchar int vertex_index
end_header
0 0 0 1 2 3 4 0.5
1 0 0 5 6 7 8 0.5
0 1 0 9 10 11 12 0.5
2 7 7
0
1 4 0 1 2 0
`
    expect(readPly(bytesOf(text))).toEqual({
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0),
      colours: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
      triangles: Uint32Array.of(0, 1, 2, 0, 2, 0),
    })
  })

  test('damage is a typed error', () => {
    const bytes = writePly(SOLID)
    for (let length = 0; length < bytes.length; length++) {
      expect(failure(() => readPly(bytes.subarray(0, length))).code).toMatch(/^PITH_(TRUNCATED|CORRUPT)$/)
    }
    const head = (rows: string, format = 'ascii'): Uint8Array =>
      bytesOf(`ply\nformat ${format} 1.0\nelement vertex ${rows}\nproperty float x\nend_header\n1\n`)
    expect(failure(() => readPly(head('1', 'binary_big_endian'))).code).toBe('PITH_UNSUPPORTED')
    expect(failure(() => readPly(head('1'))).code).toBe('PITH_CORRUPT')
    expect(failure(() => readPly(head('-1'))).code).toBe('PITH_CORRUPT')
    expect(failure(() => readPly(head('1000000'))).code).toBe('PITH_TRUNCATED')
    expect(failure(() => readPly(head('999999999999999'))).code).toBe('PITH_LIMIT')
    const wrong = writePly(BARE)
    wrong[wrong.length - 4] = 9
    expect(failure(() => readPly(wrong)).code).toBe('PITH_CORRUPT')
  })
})

describe('glTF', () => {
  test('meshes and clouds come back', async () => {
    const cloud: Mesh = { positions: Float32Array.of(1, 2, 3, 4, 5, 6), triangles: new Uint32Array(0) }
    const back = await readGlb(await writeGlb([SOLID, cloud]))
    expect(back).toEqual([
      { name: 'mesh 0', ...SOLID },
      { name: 'mesh 1', ...cloud },
    ])
  })

  test('a mesh stands where its nodes put it, with upright normals', async () => {
    const { Document, WebIO } = await import('@gltf-transform/core')
    const document = new Document()
    const buffer = document.createBuffer()
    const accessor = (data: Float32Array<ArrayBuffer>) =>
      document.createAccessor().setType('VEC3').setArray(data).setBuffer(buffer)
    const slope = Math.SQRT1_2
    const primitive = document
      .createPrimitive()
      .setAttribute('POSITION', accessor(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)))
      .setAttribute('NORMAL', accessor(Float32Array.of(slope, slope, 0, 0, 1, 0, 0, 0, 1)))
    const node = document.createNode().setMesh(document.createMesh('m').addPrimitive(primitive))
    const outer = document
      .createNode()
      .addChild(node.setScale([2, 1, 1]))
      .setTranslation([10, 0, 0])
    document.createScene().addChild(outer)
    const [mesh] = await readGlb(await new WebIO().writeBinary(document))
    expect(mesh?.positions).toEqual(Float32Array.of(12, 0, 0, 10, 1, 0, 10, 0, 1))
    expect(mesh?.triangles).toEqual(Uint32Array.of(0, 1, 2))
    const [nx = 0, ny = 0] = mesh?.normals ?? []
    expect(nx / ny).toBeCloseTo(0.5, 6)
  })

  test('damage is a typed error', async () => {
    const bytes = await writeGlb([SOLID])
    const json = new TextDecoder().decode(bytes.subarray(20, 20 + new DataView(bytes.buffer).getUint32(12, true)))
    expect(await codeOf(readGlb(bytes.subarray(0, -1)))).toBe('PITH_TRUNCATED')
    expect(await codeOf(readGlb(bytes.subarray(0, 10)))).toBe('PITH_TRUNCATED')
    const wrong = async (from: string, to: string): Promise<string> => {
      expect(json).toContain(from)
      const text = json.replace(from, to)
      const own = new Uint8Array(bytes.length - json.length + text.length)
      own.set(bytes.subarray(0, 20))
      own.set(bytesOf(text), 20)
      own.set(bytes.subarray(20 + json.length), 20 + text.length)
      const view = new DataView(own.buffer)
      view.setUint32(8, own.length, true)
      view.setUint32(12, text.length, true)
      return await codeOf(readGlb(own))
    }
    expect(await wrong('"asset"', '"extensionsRequired":["KHR_draco_mesh_compression"],"asset"')).toBe(
      'PITH_UNSUPPORTED',
    )
    expect(await wrong('"nodes":[{', '"nodes":[{"children":[0],')).toBe('PITH_CORRUPT')
    expect(await wrong('"bufferView":0,', '"bufferView":99,')).toBe('PITH_CORRUPT')
    expect(await wrong('"count":4', '"count":4000000000')).toBe('PITH_LIMIT')
    expect(await wrong('"buffers":[{', '"buffers":[{"uri":"/etc/passwd",')).toBe('PITH_UNSUPPORTED')
  })
})

test('a mesh that is none is not written', () => {
  const wrong = { ...BARE, triangles: Uint32Array.of(0, 1, 4) }
  for (const write of [writeObj, writePly, writeStl]) expect(failure(() => write(wrong)).code).toBe('PITH_SHAPE')
  expect(failure(() => writePly({ ...BARE, normals: new Float32Array(3) })).code).toBe('PITH_SHAPE')
})

/** What each corner of each triangle is, wherever its point stands. */
function cornersOf({ positions, triangles, normals, places }: Mesh): string[] {
  const part = (data: Float32Array | undefined, width: number, at: number): string =>
    data?.subarray(width * at, width * at + width).join() ?? ''
  return Array.from(triangles, (at) => [part(positions, 3, at), part(normals, 3, at), part(places, 2, at)].join(' '))
}
