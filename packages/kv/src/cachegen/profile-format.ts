/** Profiles as bytes. Mirrors docs/format-kv.md section 2. */
import { ByteReader, ByteWriter, fromHex, PithError, toHex } from '@pith/core'
import { decodeRans, encodeRans } from '@pith/core/entropy'
import { checkKvShape } from '../shape.ts'
import { jointLayers, type Kind, type LayerRange, singleLayers } from './frames.ts'
import { type KvProfile, LEVELS, type Preset, type ProfileSet } from './profile.ts'
import { CLASSES, codingTables, SYMBOLS } from './tables.ts'

const VERSION = 1

/** Presets by their numbers. */
const PRESETS: readonly Preset[] = ['cachegen', 'pca-layer', 'pca', 'anchor']

const KINDS: readonly Kind[] = ['k', 'v']

/** Bytes of a hash. */
const HASH_BYTES = 32

/** Write a profile; {@link readProfile} is the way back. */
export function writeProfile(profile: KvProfile): Uint8Array {
  const writer = new ByteWriter(1 << 16)
  writer.u8(VERSION)
  writer.u8(PRESETS.indexOf(profile.preset))
  for (const size of [profile.layers, profile.kvHeads, profile.headDim]) writer.varint(size)
  writer.f64(profile.ropeTheta)
  for (const hash of [profile.arch, profile.weights]) writer.bytes(hexBytes(hash))
  writer.f32(profile.step)
  for (let level = 0; level < LEVELS.length; level++) writer.f32(profile.damage[level] ?? Number.NaN)
  putPacked(writer, bytesOf(profile.tables))
  for (const { mean, gain, basis, unit, classes, anchors } of profile.sets) {
    writer.varint(unit.length)
    putPacked(writer, bytesOf(mean))
    putPacked(writer, bytesOf(gain))
    putPacked(writer, bytesOf(unit))
    putPacked(writer, classes)
    if (anchors !== undefined) putPacked(writer, bytesOf(anchors))
    if (basis === undefined) continue
    putPacked(writer, bytesOf(basis.scales))
    putPacked(writer, bytesOf(basis.codes))
  }
  return writer.finish()
}

/**
 * Read a profile.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_LIMIT` a damaged or hostile input · `PITH_VERSION` a newer one
 */
export function readProfile(bytes: Uint8Array): KvProfile {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw new PithError('PITH_VERSION', `profiles of version ${version} cannot be read`)
  const preset = PRESETS[reader.u8()]
  if (preset === undefined) throw new PithError('PITH_CORRUPT', 'the profile has no known preset')
  const shape = { layers: reader.varint(), kvHeads: reader.varint(), headDim: reader.varint() }
  checkKvShape(shape)
  const ropeTheta = reader.f64()
  if (!(Number.isFinite(ropeTheta) && ropeTheta > 0)) throw new PithError('PITH_CORRUPT', `theta is ${ropeTheta}`)
  const [arch, weights] = [toHex(reader.take(HASH_BYTES)), toHex(reader.take(HASH_BYTES))]
  const step = reader.f32()
  if (!(Number.isFinite(step) && step > 0)) throw new PithError('PITH_CORRUPT', `the step is ${step}`)
  const damage = LEVELS.map(() => reader.f32())
  const tables = new Uint16Array(takePacked(reader, 2 * CLASSES * SYMBOLS).buffer)
  try {
    codingTables(tables)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the tables of the profile do not sum up', { cause })
  }
  const ranges = preset === 'pca' ? jointLayers(shape) : singleLayers(shape)
  const sets: ProfileSet[] = []
  for (const kind of KINDS) for (const layers of ranges) sets.push(readSet(reader, kind, layers, shape, preset))
  reader.finish()
  return { preset, ...shape, ropeTheta, arch, weights, step, damage, tables, sets }
}

function readSet(
  reader: ByteReader,
  kind: Kind,
  layers: LayerRange,
  { kvHeads, headDim }: { readonly kvHeads: number; readonly headDim: number },
  preset: Preset,
): ProfileSet {
  const width = (layers.to - layers.from) * kvHeads * headDim
  const components = reader.varint()
  if (components > width || ((preset === 'cachegen' || preset === 'anchor') && components !== width)) {
    throw new PithError('PITH_CORRUPT', `${components} components are more than ${width} numbers have`)
  }
  const mean = takeFloats(reader, width)
  const gain = takeFloats(reader, width)
  const unit = takeFloats(reader, components)
  if (gain.some((own) => !(own > 0)) || unit.some((own) => !(own >= 0))) {
    throw new PithError('PITH_CORRUPT', 'a gain or a step of the profile is not above 0')
  }
  const classes = takePacked(reader, LEVELS.length * components)
  if (classes.some((own) => own >= CLASSES))
    throw new PithError('PITH_CORRUPT', 'the profile has a class that is not there')
  const set = { kind, layers, mean, gain, unit, classes }
  if (preset === 'cachegen') return set
  if (preset === 'anchor') {
    const anchors = takeFloats(reader, width)
    if (anchors.some((own) => !(own > 0))) throw new PithError('PITH_CORRUPT', 'a step of anchors is not above 0')
    return { ...set, turned: true, anchors }
  }
  const scales = takeFloats(reader, components)
  const codes = new Int8Array(takePacked(reader, components * width).buffer)
  return { ...set, basis: { scales, codes } }
}

function putPacked(writer: ByteWriter, bytes: Uint8Array): void {
  // Contexts find nothing here.
  const packed = encodeRans(bytes, { order: 0 })
  writer.varint(packed.length)
  writer.bytes(packed)
}

/** Bytes in memory of their own. */
function takePacked(reader: ByteReader, length: number): Uint8Array<ArrayBuffer> {
  const bytes = decodeRans(reader.take(reader.varint()), length)
  if (bytes.length !== length) throw new PithError('PITH_CORRUPT', `${bytes.length} bytes stand where ${length} must`)
  // What was given may be a Buffer, whose parts share its memory.
  return new Uint8Array(bytes)
}

function takeFloats(reader: ByteReader, count: number): Float32Array {
  const numbers = new Float32Array(takePacked(reader, 4 * count).buffer)
  if (!numbers.every(Number.isFinite))
    throw new PithError('PITH_CORRUPT', 'the profile holds a number that is not finite')
  return numbers
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function hexBytes(hex: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new PithError('PITH_ARG', 'a fingerprint is 64 digits of hex')
  return fromHex(hex)
}
