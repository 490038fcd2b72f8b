import { Random } from '@pith/core'
import { workersEnding } from '@pith/core/workers'
import { afterEach, describe, expect, test } from 'vitest'
import { openSafetensors, writeSafetensors } from '../io/safetensors.ts'
import { readParams } from '../io/tensor-file.ts'
import { type Params, Tensor } from '../tensor.ts'
import { cholesky, type Eigh, eigh, longCholesky, type Matrix64, matmul, matrixOf } from './index.ts'
import { beginCholesky, CHOLESKY } from './long-cholesky.ts'
import { beginEigh, EIGH } from './long-eigh.ts'
import { type LongKind, type LongWork, restoreWork, stateOf } from './long-work.ts'

const N = 270

function normal(n: number): Matrix64 {
  const random = new Random(5)
  return matrixOf(
    Float64Array.from({ length: n * n }, () => random.normal()),
    n,
    n,
  )
}

const A = normal(N)
const GRAM = await matmul(A, A, { tb: true })

const bitsOf = ({ values, vectors }: Eigh): BigUint64Array[] =>
  [values, vectors.data].map((data) => new BigUint64Array(data.buffer))

async function asFile(state: Params): Promise<Params> {
  const file = await openSafetensors(writeSafetensors(state))
  try {
    return await readParams(file)
  } finally {
    await file.close()
  }
}

afterEach(async () => {
  await expect.poll(workersEnding, { timeout: 15_000 }).toBe(0)
})

/** Stop after each step, and go on from a file now and then. */
async function inSteps(begin: () => LongWork, kind: LongKind, same: readonly string[]): Promise<LongWork> {
  let work = begin()
  for (let i = 1; !kind.advance(work, () => true); i++) {
    if (i % 17 !== 0) continue
    const state = await asFile(stateOf(work))
    work = begin()
    restoreWork(work, kind, state, same)
  }
  return work
}

test.each([5, 33, 130])('work of %s rows that stops after each step has the bits of work that does not', async (n) => {
  const a = normal(n)
  const symmetric = await matmul(a, a, { tb: true })
  const begin = (): LongWork => beginEigh(symmetric.data.slice(), n, 1)
  const whole = begin()
  expect(EIGH.advance(whole, () => false)).toBe(true)
  expect(EIGH.doneOf(whole)).toBe(EIGH.totalOf(n))
  const { place, arrays } = await inSteps(begin, EIGH, ['matrix'])
  expect([place, arrays['d'], arrays['z']]).toEqual([whole.place, whole.arrays['d'], whole.arrays['z']])
  const other = (): LongWork => beginCholesky(symmetric, 1, 0.5)
  const factor = other()
  expect(CHOLESKY.advance(factor, () => false)).toBe(true)
  expect(await inSteps(other, CHOLESKY, ['matrix'])).toEqual(factor)
})

describe('eigh', () => {
  test('gives the same bits in a worker, and from any of its states', async () => {
    const wanted = bitsOf(await eigh(A))
    const states: Params[] = []
    const done: number[] = []
    const found = await eigh(A, {
      checkpoint: { every: 60, save: (state) => void states.push(state) },
      onProgress: (progress) => done.push(progress.done),
    })
    expect(bitsOf(found)).toEqual(wanted)
    expect(states.length).toBeGreaterThan(0)
    expect([done[0], done.at(-1)]).toEqual([0, 3 * N])
    expect(bitsOf(await eigh(A, { responsive: true }))).toEqual(wanted)
    for (const [i, state] of states.entries()) {
      const from = i % 2 === 0 ? state : await asFile(state)
      expect(bitsOf(await eigh(A, { from, responsive: i === 0 }))).toEqual(wanted)
    }
  })

  test('a state of something else is refused', async () => {
    const states: Params[] = []
    await eigh(A, { checkpoint: { every: 500, save: (state) => void states.push(state) } })
    const state = states[0] as Params
    const other = normal(N)
    other.data[7 * N] = 1
    await expect(eigh(other, { from: state })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(eigh(normal(N + 1), { from: state })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(eigh(normal(8), { from: state })).rejects.toMatchObject({ code: 'PITH_ARG' })
    const place = (state['eigh.place'] as Tensor).data as Float64Array
    for (let i = 0; i < place.length; i++) {
      for (const value of [-1, 1.5, Number.NaN, 1e300]) {
        const bad = place.slice()
        bad[i] = value
        // The bound of what is noise may be any number.
        if (i === 5 && value > 0) continue
        await expect(eigh(A, { from: { ...state, 'eigh.place': new Tensor(bad) } })).rejects.toMatchObject({
          code: 'PITH_ARG',
        })
      }
    }
    for (const name of ['low', 'high']) {
      const data = ((state[name] as Tensor).data as Int32Array).slice().fill(N)
      const from = { ...state, [name]: new Tensor(data) }
      if ((place[6] as number) > 0) await expect(eigh(A, { from })).rejects.toMatchObject({ code: 'PITH_ARG' })
    }
    const { z: _z, ...rest } = state
    await expect(eigh(A, { from: rest })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(eigh(A, { checkpoint: { every: 0, save() {} } })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test.each([false, true])('an abort rejects with its reason; in a worker: %s', async (responsive) => {
    const abort = new AbortController()
    const run = eigh(A, { responsive, signal: abort.signal })
    abort.abort('enough')
    await expect(run).rejects.toBe('enough')
    const late = new AbortController()
    const save = (): void => late.abort('later')
    await expect(eigh(A, { signal: late.signal, checkpoint: { every: 30, save } })).rejects.toBe('later')
    const failing = { every: 30, save: () => Promise.reject(new Error('disk')) }
    await expect(eigh(A, { checkpoint: failing })).rejects.toThrow('disk')
  })
})

describe('longCholesky', () => {
  test('gives the bits of cholesky, here, in a worker and from its states', async () => {
    const wanted = cholesky(GRAM)
    expect(await longCholesky(GRAM)).toEqual(wanted)
    expect(await longCholesky(GRAM, { responsive: true })).toEqual(wanted)
    const from = await asFile(stateOf(beginCholesky(GRAM, 0, 0)))
    expect(await longCholesky(GRAM, { from })).toEqual(wanted)
    await expect(longCholesky(A, { from })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(longCholesky(GRAM, { from: {} })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test('tries again with more on the diagonal, and gives up as cholesky does', async () => {
    const indefinite: Matrix64 = { ...GRAM, data: GRAM.data.slice() }
    indefinite.data[5 * N + 5] = -20
    const wanted = cholesky(indefinite, { jitter: 0.01 })
    expect(await longCholesky(indefinite, { jitter: 0.01 })).toEqual(wanted)
    const from = stateOf(beginCholesky(indefinite, 1, wanted.added / 10))
    expect(await longCholesky(indefinite, { jitter: 0.01, from })).toEqual(wanted)
    await expect(longCholesky(indefinite)).rejects.toMatchObject({ code: 'PITH_ARG', cause: { index: 5 } })
    expect(() => cholesky(indefinite)).toThrow(expect.objectContaining({ cause: { index: 5 } }))
  })

  test('an abort rejects with its reason', async () => {
    const abort = new AbortController()
    const run = longCholesky(GRAM, { responsive: true, signal: abort.signal })
    abort.abort('enough')
    await expect(run).rejects.toBe('enough')
    await expect(longCholesky(GRAM, { signal: abort.signal })).rejects.toBe('enough')
  })
})
