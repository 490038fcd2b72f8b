/** Mutated files for each reader: a value or a typed error must come out, from few bytes read and with little memory. */
import { bytesAccess, countAccess, isPithError, Random } from '@pith/core'
import { mutations } from '@pith/core/testing'
import { unzipSync, zipSync } from 'fflate'
import { expect } from 'vitest'
import { type Audio, readWav, writeWav } from '../../src/io/audio.ts'
import { openGguf } from '../../src/io/gguf.ts'
import { writeGguf } from '../../src/io/gguf-write.ts'
import { readHfConfig } from '../../src/io/hf.ts'
import type { Mesh } from '../../src/io/mesh.ts'
import { readGlb, writeGlb } from '../../src/io/mesh-gltf.ts'
import { readObj, writeObj } from '../../src/io/mesh-obj.ts'
import { readPly, writePly } from '../../src/io/mesh-ply.ts'
import { readStl, writeStl } from '../../src/io/mesh-stl.ts'
import { decodeImage } from '../../src/io/node/images.ts'
import { parseNpy } from '../../src/io/npy.ts'
import { openNpz } from '../../src/io/npz.ts'
import { openSafetensors, writeSafetensors } from '../../src/io/safetensors.ts'
import { parseShardIndex } from '../../src/io/safetensors-shards.ts'
import type { TensorFile } from '../../src/io/tensor-file.ts'
import { readHfTokenizer } from '../../src/io/tokenizer.ts'
import { readLlama2cTokenizer } from '../../src/io/tokenizer-llama2c.ts'
import { openTorch } from '../../src/io/torch.ts'
import { Tensor } from '../../src/tensor.ts'
import { smallLlama2cTokenizer } from '../../src/testing/index.ts'
import { JPEG, picture, png } from './pictures.ts'
import { bytePairs, wordPieces } from './tokenizers.ts'
import { vector } from './vectors.ts'

/** A reader with the files that are mutated. */
export interface FuzzTarget {
  readonly name: string
  readonly seeds: () => Promise<readonly Uint8Array[]>
  /** Read all of a file; returns the bytes of what came out. */
  readonly read: (bytes: Uint8Array) => Promise<number>
  /** Where only a part is mutated: the whole file around it. */
  readonly wrap?: (part: Uint8Array) => Uint8Array
}

type Open = (access: ReturnType<typeof countAccess>) => Promise<TensorFile>

function readAllOf(open: Open): (bytes: Uint8Array) => Promise<number> {
  return async (bytes) => {
    const access = countAccess(bytesAccess(bytes))
    const file = await open(access)
    expect(access.bytes).toBeLessThanOrEqual(4 * bytes.length + 200_000)
    let out = 0
    for (const name of file.entries.keys()) {
      try {
        out += ((await file.tensor(name)).data as Uint8Array).byteLength
      } catch (error) {
        if (!isPithError(error)) throw error
      }
    }
    return out
  }
}

/** One time, so that each run mutates the same bytes. */
const TIME = { mtime: new Date(1980, 0, 1) }

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const SOUND: Audio = { sampleRate: 8000, channels: [Float32Array.of(0, 0.5, -0.5), Float32Array.of(1, -1, 0.25)] }

const SOLID: Mesh = {
  positions: Float32Array.of(0, 0, 0, 1.5, 0, 0, 0, 1, 0, 0, 0, 0.5),
  triangles: Uint32Array.of(0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3),
  normals: Float32Array.of(-1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
  colours: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30),
}

const STL_TEXT =
  'solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\nendsolid\n'

const sizeOfSound = ({ channels }: Audio): number => channels.reduce((sum, own) => sum + own.byteLength, 0)

const sizeOfMesh = ({ positions, triangles }: Mesh): number => positions.byteLength + triangles.byteLength

const config = {
  model_type: 'qwen2',
  hidden_size: 64,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  intermediate_size: 128,
}

/** Every reader of `src/io`. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'safetensors',
    seeds: async () => [
      writeSafetensors(
        { a: new Tensor(new Float32Array(6), [2, 3]), b: new Tensor(new Uint8Array(5), [5], 'bool') },
        { metadata: { format: 'pt' } },
      ),
      writeSafetensors({ x: new Tensor(new Uint16Array(4), [2, 2], 'bf16') }),
    ],
    read: readAllOf(openSafetensors),
  },
  {
    name: 'index of shards',
    seeds: async () => [
      encode({ metadata: { total_size: 24 }, weight_map: { a: 'model-00001-of-00002.safetensors' } }),
    ],
    read: async (bytes) => parseShardIndex(bytes).files.size,
  },
  {
    name: 'npy',
    seeds: async () => ['version-1.npy', 'version-2.npy', 'version-3.npy', 'objects.npy'].map(vector),
    read: async (bytes) => (parseNpy(bytes).data as Uint8Array).byteLength,
  },
  {
    name: 'npz',
    seeds: async () => [
      zipSync({ 'a.npy': vector('version-1.npy'), 'b.npy': vector('version-3.npy') }, { ...TIME, level: 0 }),
      zipSync({ 'a.npy': vector('version-1.npy'), 'b.npy': vector('version-3.npy') }, TIME),
    ],
    read: readAllOf(openNpz),
  },
  {
    name: 'gguf',
    seeds: async () => [
      vector('tiny.gguf'),
      await writeGguf(
        {
          metadata: new Map([['general.architecture', { type: 'string', value: 'x' }]]),
          tensors: [{ name: 'w', type: 'Q4_K', shape: [1, 256] }],
        },
        () => Tensor.zeros([1, 256]),
      ),
    ],
    read: readAllOf(openGguf),
  },
  {
    name: 'archive of a .pt file',
    seeds: async () => ['alone.pt', 'nested.pt', 'evil.pt'].map(vector),
    read: readAllOf(openTorch),
  },
  {
    name: 'pickle of a .pt file',
    seeds: async () =>
      ['state.pt', 'nested.pt', 'views.pt'].map((name) => {
        const files = unzipSync(vector(name))
        return files[Object.keys(files).find((file) => file.endsWith('/data.pkl')) as string] as Uint8Array
      }),
    wrap: (pickle) => zipSync({ 'x/data.pkl': pickle, 'x/data/0': new Uint8Array(96) }, { ...TIME, level: 0 }),
    read: readAllOf(openTorch),
  },
  ...(['pngjs', 'sharp'] as const).map(
    (decoder): FuzzTarget => ({
      name: `images by ${decoder}`,
      seeds: async () => [
        png(9, 6, picture(9, 6, 4)),
        png(9, 6, picture(9, 6, 4), { interlaced: true }),
        ...(decoder === 'sharp' ? [JPEG] : []),
      ],
      read: async (bytes) => (await decodeImage(bytes, { decoder, maxPixels: 2 ** 20 })).data.length,
    }),
  ),
  {
    name: 'WAV',
    seeds: async () => [writeWav(SOUND), writeWav(SOUND, 'f32'), writeWav(SOUND, 'u8')],
    read: async (bytes) => sizeOfSound(readWav(bytes)),
  },
  {
    name: 'OBJ',
    seeds: async () => [writeObj(SOLID), writeObj({ positions: SOLID.positions, triangles: SOLID.triangles })],
    read: async (bytes) => sizeOfMesh(readObj(bytes)),
  },
  {
    name: 'PLY',
    seeds: async () => [writePly(SOLID), writePly(SOLID, 'ascii')],
    read: async (bytes) => sizeOfMesh(readPly(bytes)),
  },
  {
    name: 'STL',
    seeds: async () => [writeStl(SOLID), new TextEncoder().encode(STL_TEXT)],
    read: async (bytes) => sizeOfMesh(readStl(bytes)),
  },
  {
    name: 'glTF',
    seeds: async () => [await writeGlb([SOLID])],
    read: async (bytes) => (await readGlb(bytes)).reduce((sum, mesh) => sum + sizeOfMesh(mesh), 0),
  },
  {
    name: 'tokenizer.json',
    seeds: async () => [encode(bytePairs()), encode(wordPieces())],
    read: async (bytes) => {
      const tokenizer = await readHfTokenizer(bytes)
      return tokenizer.decode(tokenizer.encode('lower unaffable <s>')).length
    },
  },
  {
    name: 'tokenizer.bin',
    seeds: async () => [smallLlama2cTokenizer()],
    read: async (bytes) => {
      const tokenizer = readLlama2cTokenizer(bytes)
      return tokenizer.decode(tokenizer.encode('the code of an end')).length
    },
  },
  { name: 'config.json', seeds: async () => [encode(config)], read: async (bytes) => readHfConfig(bytes).layers },
]

/** Read `count` mutations of the seeds: each gives a value that its bytes pay for, or a typed error. */
export async function fuzz(target: FuzzTarget, count: number): Promise<{ values: number; errors: number }> {
  const random = new Random(20)
  const seeds = await target.seeds()
  let values = 0
  let errors = 0
  for (let i = 0; i < count; i++) {
    const mutated = mutations(seeds[i % seeds.length] as Uint8Array, random)
    const bytes = target.wrap?.(mutated) ?? mutated
    try {
      // Dequantised blocks of two bits take twelve times their bytes; expanded tensors have a limit of their own.
      expect(await target.read(bytes)).toBeLessThan(100 * bytes.length + 2 ** 25)
      values++
    } catch (error) {
      if (!isPithError(error) || error.code === 'PITH_INTERNAL') {
        throw new Error(`mutation ${i} of ${target.name} gave ${String(error)}`, { cause: error })
      }
      errors++
    }
  }
  return { values, errors }
}
