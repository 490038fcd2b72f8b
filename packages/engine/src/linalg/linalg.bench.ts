/**
 * The bench of linear algebra: `npm run bench -- linalg`. CPU time on one thread, the least of the repeats, against
 * ml-matrix and numpy in the same run.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Random } from '@pith/core'
import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  Matrix as MlMatrix,
  SingularValueDecomposition,
} from 'ml-matrix'
import type { Bench, BenchContext } from '../../../../benchmarks/measure/case.ts'
import { interleave, spread } from '../../../../benchmarks/measure/statistics.ts'
import { textTable } from '../../../../benchmarks/measure/table.ts'
import { cholesky } from './cholesky.ts'
import { eigh } from './eigh.ts'
import { type Matrix64, zeros } from './matrix.ts'
import { randomOrthogonal } from './orthogonal.ts'
import { matmul, multiply } from './product.ts'
import { svd } from './svd.ts'

const PEER = { name: 'ml-matrix', version: versionOfPeer() }

/** All singular values and vectors of a square matrix in single precision: the CPU time of that alone, and the values. */
const NUMPY = `
import json, sys, time
import numpy as np
a = np.frombuffer(sys.stdin.buffer.read(), dtype=np.float64).astype(np.float32)
n = int(len(a) ** 0.5)
a = a.reshape(n, n)
start = time.process_time()
s = np.linalg.svd(a)[1]
print(json.dumps({"ms": 1000 * (time.process_time() - start), "s": s.tolist(), "version": np.__version__}))
`

interface Trial {
  readonly part: string
  readonly name: string
  readonly n: number
  readonly params?: Readonly<Record<string, string | number>>
  /** Each gives figures that say how good its result is. */
  readonly ours: () => Promise<Record<string, number>> | Record<string, number>
  readonly theirs: () => Record<string, number>
  /** Repeats at most, where the peer is slow. */
  readonly repeats?: number
}

function versionOfPeer(): string {
  const path = createRequire(import.meta.url)
    .resolve('ml-matrix')
    .replace(/matrix\.m?js$/, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

function ml({ rows, cols, data }: Matrix64): MlMatrix {
  return MlMatrix.from1DArray(rows, cols, data)
}

function normalMatrix(n: number): Matrix64 {
  const random = new Random(1)
  const out = zeros(n, n)
  for (let i = 0; i < out.data.length; i++) out.data[i] = random.normal()
  return out
}

/** A matrix whose singular values fall slowly, 1 / (1 + i / 20). */
function slowSpectrum(n: number): Matrix64 {
  const u = randomOrthogonal(n, { seed: 1 })
  const v = randomOrthogonal(n, { seed: 2 })
  for (let i = 0; i < u.data.length; i++) u.data[i] /= 1 + (i % n) / 20
  return multiply(u, v, { tb: true })
}

function energyOf(values: ArrayLike<number>, k: number): number {
  let kept = 0
  let best = 0
  for (let i = 0; i < k; i++) {
    kept += values[i] ** 2
    best += (1 + i / 20) ** -2
  }
  return kept / best
}

function trialsOf(part: string): Trial[] {
  if (part === 'cholesky') {
    const n = 512
    const a = normalMatrix(n)
    const b = multiply(a, a, { ta: true })
    for (let i = 0; i < n; i++) b.data[i * n + i] += 1
    const peer = ml(b)
    const last = n * n - 1
    return [
      {
        part,
        name: 'cholesky',
        n,
        ours: () => ({ last: cholesky(b).lower.data[last] }),
        theirs: () => ({ last: new CholeskyDecomposition(peer).lowerTriangularMatrix.get(n - 1, n - 1) }),
      },
    ]
  }
  if (part === 'randomized') {
    const a = slowSpectrum(1024)
    const peer = ml(a)
    return [
      {
        part,
        name: 'svd, rank 64',
        n: 1024,
        params: { k: 64 },
        repeats: 1,
        ours: async () => ({ energy: energyOf((await svd(a, { k: 64 })).s, 64) }),
        theirs: () => ({ energy: energyOf(new SingularValueDecomposition(peer).diagonal, 64) }),
      },
    ]
  }
  const n = 512
  const a = normalMatrix(n)
  const symmetric = multiply(a, a, { tb: true })
  const peer = ml(a)
  const peerSymmetric = ml(symmetric)
  return [
    {
      part,
      name: 'product',
      n,
      ours: async () => ({ first: (await matmul(a, a)).data[0] }),
      theirs: () => ({ first: peer.mmul(peer).get(0, 0) }),
    },
    {
      part,
      name: 'product, plain loops',
      n,
      ours: () => ({ first: multiply(a, a).data[0] }),
      theirs: () => ({ first: peer.mmul(peer).get(0, 0) }),
    },
    {
      part,
      name: 'eigh',
      n,
      repeats: 3,
      ours: async () => ({ largest: (await eigh(symmetric)).values[0] }),
      theirs: () => ({
        largest: new EigenvalueDecomposition(peerSymmetric, { assumeSymmetric: true }).realEigenvalues[n - 1],
      }),
    },
    {
      part,
      name: 'svd',
      n,
      repeats: 3,
      ours: async () => ({ largest: (await svd(a)).s[0] }),
      theirs: () => ({ largest: new SingularValueDecomposition(peer).diagonal[0] }),
    },
  ]
}

/** The randomised form against numpy's full one, where python3 has numpy. */
async function measureNumpy(context: BenchContext): Promise<string[] | undefined> {
  const n = 1024
  const k = 64
  const a = slowSpectrum(n)
  const input = new Uint8Array(a.data.buffer)
  const env = { ...process.env, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' }
  let version = ''
  const numpy = () => {
    const text = execFileSync('python3', ['-c', NUMPY], { input, env, encoding: 'utf8', maxBuffer: 2 ** 24 })
    const found = JSON.parse(text) as { ms: number; s: number[]; version: string }
    version = found.version
    return { ms: found.ms, energy: energyOf(found.s, k) }
  }
  const own = async () => {
    let energy = 0
    const { ms } = await cpuMs(async () => ({ energy: (energy = energyOf((await svd(a, { k })).s, k)) }))
    return { ms, energy }
  }
  try {
    execFileSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' })
  } catch {
    context.say('python3 has no numpy: not measured against it')
    return undefined
  }
  await own()
  const runs = await interleave({ ours: own, theirs: async () => numpy() }, context.repeats)
  const [ours, theirs] = [runs['ours'], runs['theirs']]
  const times = ours.map(({ ms }) => ms)
  const ratio = Math.min(...times) / Math.min(...theirs.map(({ ms }) => ms))
  context.add({
    system: 'linalg',
    kind: 'randomized',
    peer: { name: 'numpy, full, single precision', version },
    data: { name: 'svd, rank 64', bytes: 8 * n * n },
    params: { n, k },
    ours: { cpuMs: Math.min(...times), quality: { energy: ours[0].energy } },
    theirs: { cpuMs: Math.min(...theirs.map(({ ms }) => ms)), quality: { energy: theirs[0].energy } },
    vs: { cpu: ratio },
    repeats: context.repeats,
    spread: spread(times),
  })
  const cells = [Math.min(...times), Math.min(...theirs.map(({ ms }) => ms))].map((ms) => ms.toFixed(0))
  return ['svd, rank 64', String(n), `numpy ${version}`, ...cells, `${ratio.toFixed(3)}x`]
}

async function cpuMs(task: Trial['ours']): Promise<{ ms: number; quality: Record<string, number> }> {
  const before = process.cpuUsage()
  const quality = await task()
  const { user, system } = process.cpuUsage(before)
  return { ms: (user + system) / 1000, quality }
}

async function measure(context: BenchContext, trial: Trial): Promise<string[]> {
  const { part, name, n, params = {}, ours, theirs } = trial
  const repeats = Math.min(context.repeats, trial.repeats ?? context.repeats)
  await ours()
  const runs = await interleave({ ours: () => cpuMs(ours), theirs: () => cpuMs(theirs) }, repeats)
  const own = runs['ours'].map(({ ms }) => ms)
  const other = runs['theirs'].map(({ ms }) => ms)
  const quality = runs['ours'][0].quality
  const wanted = runs['theirs'][0].quality
  for (const [key, value] of Object.entries(wanted)) {
    if (!(Math.abs(quality[key] / value - 1) < (key === 'energy' ? 1e-3 : 1e-8))) {
      throw new Error(`${name}: ${key} is ${quality[key]}, the peer has ${value}`)
    }
  }
  const ratio = Math.min(...own) / Math.min(...other)
  context.add({
    system: 'linalg',
    kind: part,
    peer: PEER,
    data: { name, bytes: 8 * n * n },
    params: { n, ...params },
    ours: { cpuMs: Math.min(...own), quality },
    theirs: { cpuMs: Math.min(...other), quality: wanted },
    vs: { cpu: ratio },
    repeats,
    spread: spread(own),
  })
  return [
    name,
    String(n),
    `${PEER.name} ${PEER.version}`,
    Math.min(...own).toFixed(0),
    Math.min(...other).toFixed(0),
    `${ratio.toFixed(3)}x`,
  ]
}

const PARTS = ['cholesky', 'randomized', 'full']

export const bench: Bench = {
  system: 'linalg',
  parts: PARTS,
  async run(context) {
    const rows: string[][] = []
    for (const part of PARTS) {
      if (context.only.size > 0 && !context.only.has(part)) continue
      for (const trial of trialsOf(part)) rows.push(await measure(context, trial))
      const row = part === 'randomized' ? await measureNumpy(context) : undefined
      if (row !== undefined) rows.push(row)
    }
    context.say(textTable(['case', 'n', 'peer', 'ours, CPU ms', 'theirs', 'ratio'], rows))
  },
}
