import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes } from './bytes.ts'
import type { ByteSource, RandomAccess } from './io.ts'
import { countSink, MemorySink, pump, streamSink } from './sink.ts'
import { blobAccess, bytesAccess, countAccess, readAll, toRandomAccess, toSource } from './source.ts'

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
}

const kinds: Record<string, (pieces: Uint8Array[]) => ByteSource> = {
  bytes: (pieces) => concatBytes([new Uint8Array(2), ...pieces]).subarray(2),
  buffer: (pieces) => concatBytes(pieces).buffer,
  blob: (pieces) => new Blob(pieces as Uint8Array<ArrayBuffer>[]),
  stream: (pieces) => streamOf(pieces),
  generator: (pieces) =>
    (async function* () {
      yield* pieces
    })(),
  access: (pieces) => bytesAccess(concatBytes(pieces)),
}

describe.each(Object.entries(kinds))('a source over %s', (_, make) => {
  test('replays its head, whatever was asked of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 }),
        fc.array(fc.nat(60), { maxLength: 4 }),
        async (pieces, heads) => {
          const all = concatBytes(pieces)
          const source = toSource(make(pieces))
          for (const length of heads) expect(await source.head(length)).toEqual(all.slice(0, length))
          expect(await readAll(source)).toEqual(all)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('rejects with the reason once aborted', async () => {
    const abort = new AbortController()
    const source = toSource(make([new Uint8Array(5)]), { signal: abort.signal })
    abort.abort('enough')
    await expect(source.head(3)).rejects.toBe('enough')
    await expect(readAll(source)).rejects.toBe('enough')
  })

  test('is refused above the limit', async () => {
    const pieces = [new Uint8Array(5), new Uint8Array(6)]
    expect(await readAll(make(pieces), { maxBytes: 11 })).toHaveLength(11)
    await expect(readAll(make(pieces), { maxBytes: 10 })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  })
})

test('a stream is taken once, and closed when it is left early', async () => {
  let cancelled: unknown
  const source = toSource(
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(4)),
      cancel: (reason) => {
        cancelled = reason ?? 'left'
      },
    }),
  )
  await source.head(6)
  for await (const chunk of source.stream()) if (chunk.length > 0) break
  expect(cancelled).toBe('left')
  expect(() => source.stream()).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  await expect(source.head(1)).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('names and sizes', () => {
  expect(toSource(new File([], 'app.log')).name).toBe('app.log')
  expect(toSource(new File([], 'app.log'), { name: 'b.log' })).toMatchObject({ name: 'b.log', size: 0 })
  expect(toSource(new Uint8Array(3))).toMatchObject({ size: 3 })
  expect(toSource(streamOf([])).size).toBeUndefined()
  expect(() => toSource('text' as never)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('random access reads any place, fewer bytes only at the end, and counts', async () => {
  const bytes = Uint8Array.from({ length: 50 }, (_, i) => i)
  for (const access of [bytesAccess(bytes), blobAccess(new Blob([bytes])), toRandomAccess(bytes.buffer)]) {
    const counting = countAccess(access)
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.nat(60), async (offset, length) => {
        expect(await counting.read(offset, length)).toEqual(bytes.slice(offset, offset + length))
      }),
      { numRuns: 30 },
    )
    expect(counting.requests).toBe(30)
    expect(counting.bytes).toBeGreaterThan(0)
    await expect(counting.read(0, 1, { signal: AbortSignal.abort('no') })).rejects.toBe('no')
  }
})

test('a stream has no random access', () => {
  expect(() => toRandomAccess(streamOf([]))).toThrow(expect.objectContaining({ code: 'PITH_UNSUPPORTED' }))
})

test('a Blob that fails is a PITH_IO with its place', async () => {
  const blob = new Blob([new Uint8Array(4)])
  const broken = Object.assign(Object.create(blob) as Blob, {
    slice: () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }),
  })
  await expect(blobAccess(Object.defineProperty(broken, 'size', { value: 4 })).read(2, 1)).rejects.toMatchObject({
    code: 'PITH_IO',
    at: { offset: 2 },
  })
})

describe('a sink in memory', () => {
  test('is written, changed, cut and read in place', async () => {
    const sink = new MemorySink()
    await sink.write(new Uint8Array([1, 2, 3]))
    await sink.writeAt(1, new Uint8Array([9]))
    await sink.writeAt(3, new Uint8Array(2000).fill(5))
    expect(sink.size).toBe(2003)
    expect(await sink.readAt(0, 4)).toEqual(new Uint8Array([1, 9, 3, 5]))
    await sink.truncate(2)
    await sink.flush()
    await sink.write(new Uint8Array([7]))
    expect(sink.bytes()).toEqual(new Uint8Array([1, 9, 7]))
    expect(await sink.readAt(2, 10)).toEqual(new Uint8Array([7]))
    await expect(sink.writeAt(4, new Uint8Array(1))).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(sink.truncate(4)).rejects.toMatchObject({ code: 'PITH_ARG' })
    await sink.close()
    await expect(sink.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'PITH_IO' })
  })

  test('keeps to its limit and forgets when aborted', async () => {
    const sink = new MemorySink(4)
    await sink.write(new Uint8Array(4))
    await expect(sink.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    await sink.abort()
    expect(sink.bytes()).toHaveLength(0)
  })
})

test('pump counts, closes, and gives the sink up on failures and aborts', async () => {
  const inner = new MemorySink()
  const sink = countSink(inner)
  expect(await pump(streamOf([new Uint8Array(3), new Uint8Array(4)]), sink)).toBe(7)
  expect([sink.bytes, sink.writes]).toEqual([7, 2])
  await expect(inner.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'PITH_IO' })

  const failure = new Error('input')
  const half = new MemorySink()
  const failing = (async function* () {
    yield new Uint8Array(3)
    throw failure
  })()
  await expect(pump(failing, half)).rejects.toBe(failure)
  expect(half.size).toBe(0)
  await expect(pump(failing, new MemorySink(), { signal: AbortSignal.abort('no') })).rejects.toBe('no')
})

test('a sink over a stream waits for it and does not share the caller’s memory', async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const sink = streamSink(writable)
  const chunk = new Uint8Array([1])
  const received = readAll(readable)
  await sink.write(chunk)
  chunk[0] = 2
  await sink.write(chunk)
  await sink.close()
  expect(await received).toEqual(new Uint8Array([1, 2]))
})

test('an access of an unknown kind is used as it is', () => {
  const access: RandomAccess = bytesAccess(new Uint8Array(1))
  expect(toRandomAccess(access)).toBe(access)
})

test('a failure of a stream is thrown again, never taken for its end', async () => {
  const failure = new Error('broken')
  const source = toSource(
    (async function* () {
      yield new Uint8Array(3)
      throw failure
    })(),
  )
  await expect(source.head(5)).rejects.toBe(failure)
  await expect(source.head(5)).rejects.toBe(failure)
  await expect(readAll(source)).rejects.toBe(failure)
})
