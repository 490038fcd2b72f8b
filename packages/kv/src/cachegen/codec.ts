/** A profile ready to code with: frames to bytes and back. */
import { PithError } from '@pith/core'
import { decodeGroups, encodeGroups, type GroupSteps, restoreGroups, roundGroups } from './groups.ts'
import { decodePlane, dequantisePlane, encodePlane, quantisePlane } from './plane.ts'
import { type KvProfile, LEVELS, type ProfileSet, stepOf } from './profile.ts'
import { type CodingTables, codingTables } from './tables.ts'
import { type ReadyTransform, readyTransform } from './transform.ts'

/** Codes frames of one profile. */
export interface FrameCodec {
  /** @param frame f32[tokens, width] as `gatherFrame` gives it */
  encode(set: number, level: number, frame: Float32Array): Promise<Uint8Array>
  /** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_LIMIT` */
  decode(set: number, level: number, bytes: Uint8Array, tokens: number): Promise<Float32Array>
  /** What has classes, in steps: i32[components, values]. */
  codes(set: number, step: number, frame: Float32Array): Promise<Int32Array>
  /** What decoding gives, without coding. */
  round(set: number, step: number, frame: Float32Array): Promise<Float32Array>
}

const codecs = /* @__PURE__ */ new WeakMap<KvProfile, FrameCodec>()

/** Make a profile ready, once for all files of it; transforms are made when they are first needed. */
export function frameCodec(profile: KvProfile): FrameCodec {
  const known = codecs.get(profile)
  if (known !== undefined) return known
  const codec = makeCodec(profile)
  codecs.set(profile, codec)
  return codec
}

function makeCodec(profile: KvProfile): FrameCodec {
  const ready = new Map<number, Promise<ReadyTransform>>()
  const tables: CodingTables = codingTables(profile.tables)
  const setOf = (index: number): ProfileSet => {
    const set = profile.sets[index]
    if (set === undefined) throw new PithError('PITH_ARG', `the profile has no set ${index}`)
    return set
  }
  const transformOf = (index: number): Promise<ReadyTransform> => {
    let own = ready.get(index)
    if (own === undefined) ready.set(index, (own = readyTransform(setOf(index))))
    return own
  }
  const classesOf = ({ classes, unit }: ProfileSet, level: number): Uint8Array => {
    if (!(Number.isInteger(level) && level >= 1 && level <= LEVELS.length)) {
      throw new PithError('PITH_ARG', `level must be 1..${LEVELS.length}, got ${level}`)
    }
    return classes.subarray((level - 1) * unit.length, level * unit.length)
  }
  const componentsOf = async (index: number, set: ProfileSet, step: number, frame: Float32Array): Promise<Int32Array> =>
    quantisePlane(await (await transformOf(index)).forward(frame), stepsOf(set, step))
  return {
    async codes(index, step, frame) {
      const set = setOf(index)
      const groups = groupStepsOf(set, step)
      if (groups !== undefined) return roundGroups(frame, groups).differences
      return await componentsOf(index, set, step, frame)
    },
    async encode(index, level, frame) {
      const set = setOf(index)
      const step = stepOf(profile, level)
      const groups = groupStepsOf(set, step)
      if (groups !== undefined) return encodeGroups(roundGroups(frame, groups), classesOf(set, level), tables)
      return encodePlane(await componentsOf(index, set, step, frame), classesOf(set, level), tables)
    },
    async decode(index, level, bytes, tokens) {
      const set = setOf(index)
      const step = stepOf(profile, level)
      const groups = groupStepsOf(set, step)
      if (groups !== undefined) return restoreGroups(decodeGroups(bytes, tokens, classesOf(set, level), tables), groups)
      const codes = decodePlane(bytes, tokens, classesOf(set, level), tables)
      return (await transformOf(index)).backward(dequantisePlane(codes, stepsOf(set, step)), tokens)
    },
    async round(index, step, frame) {
      const set = setOf(index)
      const groups = groupStepsOf(set, step)
      if (groups !== undefined) return restoreGroups(roundGroups(frame, groups), groups)
      const values = dequantisePlane(await componentsOf(index, set, step, frame), stepsOf(set, step))
      return await (await transformOf(index)).backward(values, frame.length / set.mean.length)
    },
  }
}

/** Steps of a set that is coded in groups of tokens. */
function groupStepsOf(set: ProfileSet, step: number): GroupSteps | undefined {
  return set.anchors === undefined ? undefined : { anchors: set.anchors, differences: stepsOf(set, step) }
}

/** Steps of components, never 0: a component that does not vary has nothing to round. */
function stepsOf({ unit }: Pick<ProfileSet, 'unit'>, step: number): Float32Array {
  return Float32Array.from(unit, (own) => Math.max(own * step, 1e-30))
}
