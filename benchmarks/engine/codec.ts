/** Reading and writing a model of 100 MB, against onnx-proto. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Graph } from '@pith/engine'
import { type ModelProto, readModel, toModel, writeModel, writeModelChunks } from '@pith/engine/onnx'
import type { BenchContext } from '../measure/case.ts'
import { interleave, spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { languageModel, type ModelSize, startOf } from './language-model.ts'
import { npmPeer } from './peers.ts'

const PEER = { name: 'onnx-proto', version: '8.0.1' }
const SIZE: ModelSize = { layers: 8, width: 512, heads: 8, vocabulary: 512, batch: 1, tokens: 128 }
/** A read takes tenths of a millisecond: so many are timed together. */
const READS = 50
/** Rounds until both readers are compiled. */
const WARM = 6

/** The part of onnx-proto that is measured. */
interface OnnxProto {
  readonly onnx: {
    readonly ModelProto: {
      decode(bytes: Uint8Array): {
        readonly graph: { readonly node: unknown[]; readonly initializer: { readonly rawData: Uint8Array }[] }
      }
      encode(model: unknown): { finish(): Uint8Array }
    }
  }
}

/** CPU milliseconds, least of all rounds, and all of ours for their spread. */
export interface CodecTime {
  readonly ours: number
  readonly theirs: number
  readonly all: readonly number[]
}

export interface CodecTimes {
  readonly bytes: number
  readonly read: CodecTime
  /** As one array, which is a copy of all weights. */
  readonly write: CodecTime
  /** As the chunks that a file is written from. */
  readonly chunks: CodecTime
}

/** The language model with eight layers of 512: 240 nodes. */
function bigModel(): ModelProto {
  const params = startOf(SIZE)
  const graph = new Graph()
  const values = Object.fromEntries(
    Object.entries(params).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
  )
  const logits = languageModel(SIZE).apply(values, graph.input('ids', 'i64', [SIZE.batch, SIZE.tokens]))
  return toModel(graph, { logits }, { initialisers: params })
}

/** @returns undefined where onnx-proto can't be had. @throws Error when the two read different models */
export async function measureCodec(cache: string, rounds: number): Promise<CodecTimes | undefined> {
  const folder = npmPeer(cache, PEER.name, PEER.version)
  if (folder === undefined) return undefined
  const { onnx } = createRequire(`${folder}/`)(folder) as OnnxProto
  const bytes = writeModel(bigModel())
  const ours = readModel(bytes)
  const theirs = onnx.ModelProto.decode(bytes)
  const rewritten = onnx.ModelProto.decode(writeModel(ours)).graph
  const isSame =
    rewritten.node.length === theirs.graph.node.length &&
    rewritten.initializer.every(
      ({ rawData }, i) => Buffer.compare(rawData, theirs.graph.initializer[i]?.rawData ?? new Uint8Array()) === 0,
    )
  if (!isSame) throw new Error('onnx-proto reads another model from what was written')
  const theirWrite = (): unknown => onnx.ModelProto.encode(theirs).finish()
  const time = async (own: () => unknown, other: () => unknown, times: number): Promise<CodecTime> => {
    const runs = await interleave({ ours: () => cpuMs(own, times), theirs: () => cpuMs(other, times) }, rounds + WARM)
    const [all, others] = [runs['ours'] ?? [], runs['theirs'] ?? []].map((list) => list.slice(WARM)) as [
      number[],
      number[],
    ]
    return { ours: Math.min(...all), theirs: Math.min(...others), all }
  }
  return {
    bytes: bytes.length,
    read: await time(
      () => readModel(bytes),
      () => onnx.ModelProto.decode(bytes),
      READS,
    ),
    write: await time(() => writeModel(ours), theirWrite, 1),
    chunks: await time(() => [...writeModelChunks(ours)], theirWrite, 1),
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** CPU milliseconds of a task, on average over `times`. */
async function cpuMs(task: () => unknown, times: number = 1): Promise<number> {
  // What one wrote is not collected in the time of the other.
  collect()
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) task()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / times
}

const NAMES = [
  ['read', 'read a model'],
  ['write', 'write a model'],
  ['chunks', 'write a model in chunks'],
] as const

export async function benchCodec(context: BenchContext): Promise<void> {
  const times = await measureCodec(context.cache, context.repeats)
  if (times === undefined) {
    context.say(`${PEER.name} can't be installed: not measured against it`)
    return
  }
  const rows = NAMES.map(([name, title]) => {
    const { ours, theirs, all } = times[name]
    context.add({
      system: 'engine',
      kind: 'codec',
      peer: PEER,
      data: { name: title, bytes: times.bytes },
      params: { ...SIZE },
      ours: { cpuMs: ours },
      theirs: { cpuMs: theirs },
      vs: { cpu: ours / theirs },
      repeats: context.repeats,
      spread: spread(all),
    })
    return [
      `${name} ${(times.bytes / 1e6).toFixed(0)} MB`,
      ours.toFixed(2),
      theirs.toFixed(2),
      `${(ours / theirs).toFixed(3)}x`,
    ]
  })
  context.say(textTable(['codec', 'ours, CPU ms', `${PEER.name} ${PEER.version}`, 'ratio'], rows))
}
