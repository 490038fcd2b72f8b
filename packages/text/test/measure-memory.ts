/** Does one kind of work in a process of its own and says how far its memory grew. */
import { ByteWriter, isPithError, MemorySink } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { HeldEntry } from '@pith/core/testing'
import { FORM } from '../src/logzip/chunk-encode.ts'
import { logzipCodec } from '../src/logzip/logzip.ts'
import { METHOD, packBytes, QUALITY } from '../src/logzip/pack.ts'
import { KIND } from '../src/logzip/streams.ts'

/** A chunk that declares much; what backs it are runs that pack to almost nothing. */
function forge(rawBytes: number, lines: number, meta: readonly number[], tables: string, ids: Uint8Array): Uint8Array {
  const out = new ByteWriter()
  out.varint(rawBytes)
  out.varint(lines)
  out.u32(0)
  out.varint(1)
  out.varint(lines * 4)
  out.varint(0)
  const inner = new ByteWriter()
  for (const value of meta) inner.varint(value)
  out.varint(inner.length)
  out.bytes(inner.view())
  out.varint(tables.length)
  out.bytes(new TextEncoder().encode(tables))
  out.bytes(ids)
  return packBytes(out.view(), QUALITY.fast, FORM.whole)
}

/** A chunk of level max whose coded parts hold a few bytes and declare many. */
function forgeMixed(meta: number, tables: number, texts: number, log: number): Uint8Array {
  const inner = new ByteWriter()
  inner.u8(log)
  inner.u8(log)
  for (const length of [meta, tables, texts]) inner.varint(length)
  for (let i = 0; i < 40; i++) inner.u8((i * 7) % 256)
  const out = new ByteWriter()
  out.u8((FORM.whole << 4) | METHOD.mixed)
  out.varint(2 ** 26)
  out.varint(2 ** 18)
  out.u32(0)
  out.varint(1)
  out.varint(2 ** 18 * 4)
  out.varint(inner.length)
  out.bytes(inner.view())
  for (let i = 0; i < 3; i++) out.varint(0)
  return out.finish()
}

async function decodeForged(payload: Uint8Array): Promise<string> {
  const entry = new HeldEntry(logzipCodec)
  await entry.block('chunk', payload, { rawBytes: 2 ** 26, keys: [0, 1] })
  try {
    for await (const piece of logzipCodec.decode(entry.reader())) if (piece.length > 0) return 'bytes'
    return 'nothing'
  } catch (error) {
    return isPithError(error) ? error.code : String(error)
  }
}

async function unbacked(): Promise<string> {
  const lines = 2 ** 18
  const slots = `${new Array(200).fill('\0').join(',')}\n`
  const columns = new Array<number>(200).fill(KIND.const)
  const codes = [
    await decodeForged(forge(2 ** 26, 2 ** 26, [0, 0], '', new Uint8Array(0))),
    await decodeForged(forge(2 ** 26, 1, [0, 0, KIND.const], 'x\n', new Uint8Array(1))),
    await decodeForged(forge(2 ** 26, lines, [0, 0, KIND.const], 'x\n', new Uint8Array(lines))),
    await decodeForged(
      forge(2 ** 25, lines, [0, 1, ...columns], slots + '\n'.repeat(200), new Uint8Array(lines).fill(1)),
    ),
    await decodeForged(
      forge(2 ** 26, lines, [0, 1, ...columns], slots + '\n'.repeat(200), new Uint8Array(lines).fill(1)),
    ),
    await decodeForged(forge(2 ** 40, 1, [0, 0], '', new Uint8Array(1))),
    await decodeForged(forgeMixed(2 ** 26, 2 ** 25, 2 ** 25, 22)),
    await decodeForged(forgeMixed(100, 2 ** 26, 2 ** 26 - 100, 16)),
    await decodeForged(forgeMixed(0, 0, 2 ** 27, 16)),
    await decodeForged(Uint8Array.of((FORM.whole << 4) | 1, 0xff, 0xff, 0xff, 0x3f, 1, 2, 3)),
    await decodeForged(Uint8Array.of((FORM.whole << 4) | 0, 0xff, 0xff, 0xff, 0x3f, 1, 2, 3)),
  ]
  return codes.join(' ')
}

/** 10 GB of one line: one chunk of 8 MiB, whose block stands in the file as often as it takes. */
async function expansion(): Promise<string> {
  const chunkBytes = 2 ** 23
  const line = 'the same line again and again, number 12345, as it always was\n'
  const log = new TextEncoder().encode(line.repeat(Math.floor(chunkBytes / line.length)))
  const one = new HeldEntry(logzipCodec)
  await logzipCodec.encode(
    {
      head: async () => log,
      stream: async function* () {
        yield log
      },
    },
    one,
    { level: 'fast' },
  )
  const sink = new MemorySink()
  const container = createContainer(sink)
  const entry = await container.entry({ codec: logzipCodec.id, version: logzipCodec.version })
  const lines = log.length / line.length
  const copies = Math.ceil(10e9 / log.length)
  for (let i = 0; i < copies; i++) {
    for (const { row, payload } of one.blocks) {
      const keys = row.section === 'chunk' ? ([i * lines, (i + 1) * lines] as const) : ([i, i + 1] as const)
      await entry.block(row.section, payload, { rawBytes: row.rawBytes, keys })
    }
  }
  await entry.finish()
  await container.finish()
  if (sink.size > 2 ** 23) return `the file has ${sink.size} bytes`
  const limits = { outputBytes: 2 ** 30 }
  const opened = await openContainer(sink.bytes(), { limits })
  let bytes = 0
  try {
    for await (const read of opened.entries()) {
      for await (const piece of logzipCodec.decode(read, { limits })) bytes += piece.length
    }
    return `all ${bytes}`
  } catch (error) {
    return `${isPithError(error) ? error.code : error} after ${bytes > 2 ** 30 - 2 ** 23 ? 2 ** 30 : bytes}`
  }
}

const peak = (): number => process.resourceUsage().maxRSS * 1024

// Everything that is needed later is loaded and used once before the idle memory is read.
await decodeForged(forge(2, 1, [0, 0, KIND.const], 'x\n', new Uint8Array(1)))
const idle = peak()
const result = process.argv[2] === 'unbacked' ? await unbacked() : await expansion()
process.stdout.write(JSON.stringify({ growth: peak() - idle, result }))
