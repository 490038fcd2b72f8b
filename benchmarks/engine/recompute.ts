/** What `checkpoint` saves and costs, on a language model of eight layers: each run is a process of its own. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchContext } from '../measure/case.ts'
import { mustRun } from '../measure/process.ts'
import { interleave } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import type { CheckpointRun } from './checkpoint-child.ts'
import { DEEP } from './language-model.ts'

const STEPS = 4

export interface RecomputeFigures {
  readonly plain: CheckpointRun
  readonly checkpoint: CheckpointRun
  /** Gradients of the one that are other numbers in the other. */
  readonly unequal: number
}

/** Measure each form `rounds` times in turn; times and memory are the least of them. */
export async function measureRecompute(rounds: number): Promise<RecomputeFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'pith-checkpoint-'))
  const run = async (mode: 'plain' | 'checkpoint'): Promise<CheckpointRun> => {
    const out = join(folder, 'run.json')
    const child = join(import.meta.dirname, 'checkpoint-child.ts')
    const words = ['--conditions=pith-dev', child, mode, String(STEPS), join(folder, mode)]
    await mustRun([process.execPath, ...words], { stdout: out, limitMs: 300_000 })
    return JSON.parse(readFileSync(out, 'utf8')) as CheckpointRun
  }
  try {
    const runs = await interleave({ plain: () => run('plain'), checkpoint: () => run('checkpoint') }, rounds)
    const gradients = (['plain', 'checkpoint'] as const).map((mode) => {
      const bytes = readFileSync(join(folder, mode))
      return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    })
    const [plain, checkpoint] = gradients as [Uint32Array, Uint32Array]
    return {
      plain: least(runs['plain'] ?? []),
      checkpoint: least(runs['checkpoint'] ?? []),
      unequal: plain.reduce((count, bits, i) => count + (bits === checkpoint[i] ? 0 : 1), 0),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function least(runs: readonly CheckpointRun[]): CheckpointRun {
  return {
    loss: runs[0]?.loss ?? Number.NaN,
    cpuMs: Math.min(...runs.map(({ cpuMs }) => cpuMs)),
    peakBytes: Math.min(...runs.map(({ peakBytes }) => peakBytes)),
  }
}

export async function benchRecompute(context: BenchContext): Promise<void> {
  const { plain, checkpoint, unequal } = await measureRecompute(context.repeats)
  if (unequal > 0 || plain.loss !== checkpoint.loss) throw new Error(`${unequal} gradients differ`)
  const MIB = 2 ** 20
  const vs = { cpu: checkpoint.cpuMs / plain.cpuMs, peak: checkpoint.peakBytes / plain.peakBytes }
  context.add({
    system: 'engine',
    kind: 'checkpoint',
    peer: { name: 'the same without' },
    data: { name: 'language model, 8 layers', bytes: 0 },
    params: { ...DEEP },
    ours: { cpuMs: checkpoint.cpuMs, peakMiB: checkpoint.peakBytes / MIB },
    theirs: { cpuMs: plain.cpuMs, peakMiB: plain.peakBytes / MIB },
    vs,
    repeats: context.repeats,
  })
  const row = ({ cpuMs, peakBytes }: CheckpointRun): string[] => [cpuMs.toFixed(0), (peakBytes / MIB).toFixed(0)]
  context.say(
    textTable(
      ['language model, 8 layers, 8 x 256 tokens', 'CPU ms', 'peak MiB'],
      [
        ['plain', ...row(plain)],
        ['checkpoint', ...row(checkpoint)],
        ['ratio', vs.cpu.toFixed(2), vs.peak.toFixed(2)],
      ],
    ),
  )
}
