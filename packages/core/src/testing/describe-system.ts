import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equalBytes } from '../bytes.ts'
import type { Codec, Reader } from '../codec.ts'
import { isPithError } from '../errors.ts'
import { Random } from '../random.ts'
import type { Progress, Run } from '../run.ts'
import { MemorySink } from '../sink.ts'
import { bytesAccess, countAccess, toSource } from '../source.ts'
import { cutInto, EDGE_BYTES, noiseBytes } from './byte-inputs.ts'
import { HeldEntry } from './held-entry.ts'
import { mutations } from './mutations.ts'
import { collectBytes, packEntry, unpackEntry } from './round-trip.ts'

/** What a codec promises beside the right bytes. */
export interface SystemLimits {
  /** The container of any input has at most `bytes * factor + constant` bytes. */
  growth: { factor: number; constant: number }
  /** Bytes that an encode may have taken from its input beyond those it has written as blocks, with `smallBlocks` and one thread. */
  heldBytes: number
  /** Blocks that a decode may have read beyond those whose bytes it has delivered, with one thread. */
  blocksAhead: number
}

/** One codec, as the contract suite takes it. */
export interface SystemContract<O extends object, R extends Reader = Reader> {
  name: string
  codec: Codec<O, R>
  /** Ways to code, by name. */
  options: Readonly<Record<string, O>>
  /** Options that cut an input of some ten thousand bytes into several blocks. */
  smallBlocks: O
  /** Inputs of the codec's own kind and of any other; a few kilobytes each. */
  arbitraries: Readonly<Record<string, fc.Arbitrary<Uint8Array>>>
  edgeInputs: Readonly<Record<string, Uint8Array>>
  /** About a hundred bytes as the codec likes them: each truncation and each bit flip of its containers is tried. */
  small: Uint8Array
  /** Some ten thousand bytes as the codec likes them. */
  realistic: Uint8Array
  /** Throws where `decoded` is not what `input` must give; default: the same bytes. */
  oracle?: (decoded: Uint8Array, input: Uint8Array) => void
  limits: SystemLimits
  /** Numbers of threads that must give the same file as one; default 2 and 3. */
  threads?: readonly number[]
  /** Random cases of each property, default 12. */
  runs?: number
}

function sameBytes(decoded: Uint8Array, input: Uint8Array): void {
  if (equalBytes(decoded, input)) return
  let at = 0
  while (at < input.length && decoded[at] === input[at]) at++
  throw new Error(`${decoded.length} bytes came out where ${input.length} went in; they differ from ${at} on`)
}

/** Whether an outcome is allowed for a damaged file: the right answer, or a typed error that says where. */
async function rightOrPlaced(decoding: () => Promise<Uint8Array>, right: (bytes: Uint8Array) => void): Promise<void> {
  let bytes: Uint8Array
  try {
    bytes = await decoding()
  } catch (error) {
    if (!isPithError(error)) throw error
    if (error.code === 'PITH_INTERNAL' || error.at === undefined) throw error
    return
  }
  right(bytes)
}

/** Register the tests that every codec must pass. Call it once in a test file of the codec. */
export function describeSystem<O extends object, R extends Reader>(contract: SystemContract<O, R>): void {
  describe(`contract of ${contract.name}`, () => {
    roundTrips(contract)
    sameForAll(contract)
    damages(contract)
    manners(contract)
    costs(contract)
  })
}

function roundTrips<O extends object, R extends Reader>(contract: SystemContract<O, R>): void {
  const { codec, options, edgeInputs, arbitraries, realistic, limits, oracle = sameBytes, runs = 12 } = contract
  const ways = { ...options, 'small blocks': contract.smallBlocks }
  const trip = async (input: Uint8Array, way: O): Promise<void> => {
    const { file, report } = await packEntry(codec, input, way)
    oracle(await unpackEntry(codec, file), input)
    expect(file.length).toBeLessThanOrEqual(input.length * limits.growth.factor + limits.growth.constant)
    expect(report).toMatchObject({ codec: codec.id, bytesIn: input.length })
    expect(report.bytesOut).toBeLessThanOrEqual(file.length)
  }

  test.each(Object.entries(ways))('edge inputs come back: %s', async (_, way) => {
    for (const [name, input] of Object.entries({ ...EDGE_BYTES, ...edgeInputs })) {
      await trip(input, way).catch((cause: unknown) => {
        throw new Error(`input "${name}"`, { cause })
      })
    }
  })

  test.each(Object.entries(ways))('a realistic input comes back: %s', async (_, way) => {
    await trip(realistic, way)
  })

  test.each(Object.entries(arbitraries))('random inputs come back: %s', async (_, input) => {
    await fc.assert(fc.asyncProperty(input, fc.constantFrom(...Object.values(ways)), trip), { numRuns: runs })
  })
}

function sameForAll<O extends object, R extends Reader>(contract: SystemContract<O, R>): void {
  const { codec, smallBlocks, realistic, arbitraries, oracle = sameBytes, runs = 12 } = contract

  test('any cut of the input gives the same file', async () => {
    const inputs = fc.oneof(fc.constant(realistic), ...Object.values(arbitraries))
    const lengths = fc.array(fc.oneof(fc.nat(9), fc.nat(5000)), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(inputs, lengths, async (input, cuts) => {
        const step = cuts.reduce((sum, cut) => sum + cut, 0)
        // Single bytes of a large input would only cost time.
        const pieces = step * 200 < input.length ? [...cuts, 1000] : cuts
        const cut = await packEntry(codec, cutInto(input, pieces), smallBlocks)
        sameBytes(cut.file, (await packEntry(codec, input, smallBlocks)).file)
      }),
      { numRuns: runs },
    )
  })

  test('the same file twice, from a view into a larger array, and for any number of threads', async () => {
    const { file } = await packEntry(codec, realistic, smallBlocks)
    sameBytes((await packEntry(codec, realistic, smallBlocks)).file, file)
    const around = new Uint8Array(realistic.length + 70).fill(33)
    around.set(realistic, 37)
    sameBytes((await packEntry(codec, around.subarray(37, 37 + realistic.length), smallBlocks)).file, file)
    for (const threads of contract.threads ?? [2, 3]) {
      sameBytes((await packEntry(codec, realistic, { ...smallBlocks, threads })).file, file)
    }
    for (const threads of contract.threads ?? [2]) oracle(await unpackEntry(codec, file, { threads }), realistic)
  })

  test('input and file are left as they are, and a file may be a view into a larger array', async () => {
    const input = realistic.slice()
    const { file } = await packEntry(codec, input, smallBlocks)
    sameBytes(input, realistic)
    const around = new Uint8Array(file.length + 50).fill(7)
    around.set(file, 13)
    const before = around.slice()
    oracle(await unpackEntry(codec, around.subarray(13, 13 + file.length)), realistic)
    sameBytes(around, before)
  })
}

function damages<O extends object, R extends Reader>(contract: SystemContract<O, R>): void {
  const { codec, options, small, realistic, smallBlocks, oracle = sameBytes, runs = 12 } = contract
  const [way] = Object.values(options) as [O]

  test('each truncation of a small file gives the right answer or a typed error with its place', async () => {
    const { file } = await packEntry(codec, small, way)
    for (let length = 0; length < file.length; length++) {
      await rightOrPlaced(
        () => unpackEntry(codec, file.subarray(0, length)),
        (bytes) => oracle(bytes, small),
      )
    }
  })

  test('each bit flip of a small file gives the right answer or a typed error with its place', async () => {
    const { file } = await packEntry(codec, small, way)
    for (let bit = 0; bit < file.length * 8; bit++) {
      file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7))
      await rightOrPlaced(
        () => unpackEntry(codec, file),
        (bytes) => oracle(bytes, small),
      )
      file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7))
    }
  })

  test.each([true, false])('cuts and flips of a larger file do the same, solo form allowed: %s', async (solo) => {
    const { file } = await packEntry(codec, realistic, smallBlocks, { solo })
    const random = new Random(11)
    for (let i = 0; i < runs * 2; i++) {
      const damaged = file.slice(0, random.integer(2) === 0 ? file.length : random.integer(file.length))
      const at = random.integer(Math.max(1, damaged.length))
      if (damaged.length === file.length) damaged[at] = (damaged[at] as number) ^ (1 << random.integer(8))
      await rightOrPlaced(
        () => unpackEntry(codec, damaged),
        (bytes) => oracle(bytes, realistic),
      )
    }
  })

  test('random bytes are no file', async () => {
    for (const length of [0, 1, 8, 100, 5000]) {
      await expect(unpackEntry(codec, noiseBytes(length))).rejects.toSatisfy((error) => isPithError(error))
    }
  })

  test('changed payloads that no checksum stops end, with bytes or a typed error', async () => {
    const limits = { outputBytes: 2 ** 24 }
    const random = new Random(5)
    for (const input of [small, realistic.subarray(0, 9000)]) {
      const entry = await held(codec, input, smallBlocks)
      const parts = entry.parts
      for (let i = 0; i < runs * 8; i++) {
        const which = random.integer(parts.length)
        const changed = entry.withParts(parts.map((part, k) => (k === which ? mutations(part, random) : part.slice())))
        try {
          const bytes = await collectBytes(codec.decode(changed.reader(), { limits }))
          expect(bytes.length).toBeLessThanOrEqual(limits.outputBytes)
        } catch (error) {
          if (!isPithError(error) || error.code === 'PITH_INTERNAL') throw error
        }
      }
    }
  })
}

async function held<O extends object>(codec: Codec<O>, input: Uint8Array, options: O): Promise<HeldEntry> {
  const entry = new HeldEntry(codec)
  await codec.encode(toSource(input), entry, options)
  return entry
}

function manners<O extends object, R extends Reader>(contract: SystemContract<O, R>): void {
  const { codec, smallBlocks, realistic } = contract

  test('an abort before, in the middle and during reading rejects with its reason and leaves nothing', async () => {
    for (const share of [0, 0.5, 0.99]) {
      for (const threads of share === 0.5 ? [1, ...(contract.threads ?? [2])] : [1]) {
        const reason = new Error(`stop at ${share}`)
        const abort = new AbortController()
        const stop = Math.floor(realistic.length * share)
        async function* input(): AsyncGenerator<Uint8Array> {
          yield realistic.subarray(0, stop)
          abort.abort(reason)
          yield realistic.subarray(stop)
        }
        if (share === 0) abort.abort(reason)
        const sink = new MemorySink()
        const run = { ...smallBlocks, threads, signal: abort.signal }
        await expect(packEntry(codec, input(), run, { sink })).rejects.toBe(reason)
        expect(sink.size).toBe(0)
        // Without a container that would notice it as well.
        await expect(codec.encode(toSource(input()), new HeldEntry(codec), run)).rejects.toBe(reason)
      }
    }
    const { file } = await packEntry(codec, realistic, smallBlocks)
    const abort = new AbortController()
    const reason = new Error('stop reading')
    const reading = unpackEntry(codec, file, { signal: abort.signal, onProgress: () => abort.abort(reason) })
    await expect(reading).rejects.toBe(reason)
  })

  test('an input that fails ends the encode with its own error', async () => {
    const failure = new Error('the disk went away')
    async function* input(): AsyncGenerator<Uint8Array> {
      yield realistic.subarray(0, realistic.length >> 1)
      throw failure
    }
    const sink = new MemorySink()
    await expect(packEntry(codec, input(), smallBlocks, { sink })).rejects.toBe(failure)
    expect(sink.size).toBe(0)
  })

  test('progress starts at 0, never falls, and ends with the total', async () => {
    const { file } = await packEntry(codec, realistic, smallBlocks)
    const runs: ((run: Run) => Promise<unknown>)[] = [
      (run) => packEntry(codec, realistic, { ...smallBlocks, ...run }),
      (run) => packEntry(codec, cutInto(realistic, [999]), { ...smallBlocks, ...run }),
      (run) => unpackEntry(codec, file, run),
    ]
    for (const run of runs) {
      const seen: Progress[] = []
      await run({ onProgress: (progress) => seen.push({ ...progress }) })
      const done = seen.map((progress) => progress.done)
      expect(done[0]).toBe(0)
      expect(done).toEqual([...done].sort((a, b) => a - b))
      expect(seen.at(-1)).toMatchObject({ done: realistic.length, unit: 'bytes' })
      for (const { total } of seen) expect([undefined, realistic.length]).toContain(total)
    }
  })

  test('output beyond the limit is refused', async () => {
    const { file } = await packEntry(codec, realistic, smallBlocks)
    const tight = unpackEntry(codec, file, { limits: { outputBytes: realistic.length - 1 } })
    await expect(tight).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    const enough = await unpackEntry(codec, file, { limits: { outputBytes: realistic.length } })
    expect(enough.length).toBe(realistic.length)
  })
}

function costs<O extends object, R extends Reader>(contract: SystemContract<O, R>): void {
  const { codec, smallBlocks, realistic, limits } = contract
  const times = (n: number): Uint8Array => {
    const whole = new Uint8Array(realistic.length * n)
    for (let i = 0; i < n; i++) whole.set(realistic, i * realistic.length)
    return whole
  }

  test('an encode holds a bounded part of its input, a decode reads a bounded part ahead', async () => {
    const input = times(4)
    const entry = new HeldEntry(codec)
    let taken = 0
    let written = 0
    let most = 0
    entry.onBlock = (rawBytes) => {
      written += rawBytes
    }
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of cutInto(input, [512])) {
        taken += piece.length
        yield piece
        most = Math.max(most, taken - written)
      }
    }
    await codec.encode(toSource(counted()), entry, smallBlocks)
    expect(most).toBeLessThanOrEqual(limits.heldBytes)

    const ends: number[] = []
    for (const { row } of entry.blocks) ends.push((ends.at(-1) ?? 0) + row.rawBytes)
    let delivered = 0
    const reader = codec.decode(entry.reader()).getReader()
    for (;;) {
      // Whoever takes nothing for a while must find nothing more done.
      await new Promise((resolve) => setTimeout(resolve, 0))
      const step = await reader.read()
      if (step.done) break
      delivered += step.value.length
      const due = ends.filter((end) => end <= delivered).length
      expect(entry.reads.length - due).toBeLessThanOrEqual(limits.blocksAhead)
    }
    expect(delivered).toBe(input.length)
  })

  test('blocks and bytes grow no faster than the input, and no byte of a file is read twice', async () => {
    const sizes = [2, 4, 8]
    const files: Uint8Array[] = []
    const blocks: number[] = []
    for (const n of sizes) {
      files.push((await packEntry(codec, times(n), smallBlocks)).file)
      blocks.push((await held(codec, times(n), smallBlocks)).blocks.length)
    }
    for (let i = 1; i < sizes.length; i++) {
      expect((files[i] as Uint8Array).length).toBeLessThanOrEqual((files[i - 1] as Uint8Array).length * 2.3)
      expect(blocks[i] as number).toBeLessThanOrEqual((blocks[i - 1] as number) * 2 + 2)
    }
    for (const file of files) {
      const counted = countAccess(bytesAccess(file))
      await unpackEntry(codec, counted)
      // Index and tail are met once more when the file is opened.
      expect(counted.bytes).toBeLessThanOrEqual(file.length * 1.25 + 70_000)
    }
  })
}
