/**
 * CPU time of the library in one process that has run it before:
 * `node --conditions=pith-dev logzip.bench.ts LEVEL REPEATS FILE...` prints a line of JSON a file. The first round over the
 * files is cold.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { compressLog, decompressLog, type Level } from './index.ts'

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return all
}

/** Milliseconds of user and system time that a task takes, with its result. */
async function timed<T>(task: () => Promise<T>): Promise<[ms: number, result: T]> {
  const before = process.cpuUsage()
  const result = await task()
  const { user, system } = process.cpuUsage(before)
  return [(user + system) / 1000, result]
}

const [level = 'default', repeats = '5', ...paths] = process.argv.slice(2)
/** Decompression is quick: it is repeated within a round. */
const DECODES = { fast: 2, default: 30, max: 1 }[level] ?? 1

const files = paths.map((path) => ({
  path,
  bytes: new Uint8Array(readFileSync(path)),
  packed: 0,
  encodeMs: [] as number[],
  decodeMs: [] as number[],
}))
for (let round = 0; round <= Number(repeats); round++) {
  for (const file of files) {
    const [encode, coded] = await timed(() => collect(compressLog(file.bytes, { level: level as Level, threads: 1 })))
    file.encodeMs.push(encode)
    const packed = Buffer.concat(coded)
    for (let i = 0; i < (round === 0 ? 1 : DECODES); i++) {
      const [decode, back] = await timed(() => collect(decompressLog(packed, { threads: 1 })))
      if (Buffer.compare(Buffer.concat(back), file.bytes) !== 0) throw new Error(`${file.path} does not come back`)
      file.decodeMs.push(decode)
    }
    file.packed = packed.length
  }
}
for (const { bytes, packed, encodeMs, decodeMs } of files) {
  process.stdout.write(`${JSON.stringify({ bytes: bytes.length, packed, encodeMs, decodeMs })}\n`)
}
