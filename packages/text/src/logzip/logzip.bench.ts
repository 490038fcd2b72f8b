/**
 * CPU time of the library in one process, repeat by repeat, the first one cold:
 * `node --conditions=pith-dev logzip.bench.ts FILE LEVEL REPEATS` prints a line of JSON.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { compressLog, decompressLog, type Level } from './index.ts'

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part.slice())
  return Buffer.concat(all)
}

/** Milliseconds of user and system time that a task takes, with its result. */
async function timed<T>(task: () => Promise<T>): Promise<[ms: number, result: T]> {
  const before = process.cpuUsage()
  const result = await task()
  const { user, system } = process.cpuUsage(before)
  return [(user + system) / 1000, result]
}

const [path = '', level = 'default', repeats = '5'] = process.argv.slice(2)
const bytes = new Uint8Array(readFileSync(path))
const encodeMs: number[] = []
const decodeMs: number[] = []
let packed: Uint8Array = new Uint8Array(0)
for (let repeat = 0; repeat <= Number(repeats); repeat++) {
  const [encode, coded] = await timed(() => collect(compressLog(bytes, { level: level as Level, threads: 1 })))
  const [decode, back] = await timed(() => collect(decompressLog(coded)))
  if (Buffer.compare(back, bytes) !== 0) throw new Error(`${path} does not come back at ${level}`)
  encodeMs.push(encode)
  decodeMs.push(decode)
  packed = coded
}
process.stdout.write(`${JSON.stringify({ bytes: bytes.length, packed: packed.length, encodeMs, decodeMs })}\n`)
