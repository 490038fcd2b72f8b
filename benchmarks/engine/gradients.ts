/** All gradients of the language model against PyTorch's in double precision. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AcceptContext } from '../measure/accept.ts'
import { mustRun } from '../measure/process.ts'
import { randomBatch, smallSize, startOf } from './language-model.ts'
import { writePeerFiles } from './peer-files.ts'
import { pythonWithTorch } from './peers.ts'
import { compileLanguageModel } from './train-step.ts'

const LIMIT = 2e-6

/** The worst tensor of four layers of 128, by its largest error over its largest gradient. */
export async function acceptGradients(context: AcceptContext): Promise<void> {
  const python = pythonWithTorch()
  if (python === undefined) {
    context.say('there is no Python with PyTorch: not compared')
    return
  }
  const size = smallSize(128)
  const params = startOf(size)
  const batch = randomBatch(size, 2)
  const folder = mkdtempSync(join(tmpdir(), 'pith-gradients-'))
  const step = await compileLanguageModel(size, params, 1, { isClipped: false })
  try {
    writePeerFiles(folder, size, params, batch)
    await mustRun([python, join(import.meta.dirname, 'gradients.py'), folder])
    const bytes = readFileSync(join(folder, 'gradients.bin'))
    const wanted = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
    await step.step(batch)
    let at = 0
    let worst = { name: '', error: 0 }
    for (const name of Object.keys(params)) {
      const own = step.grads[name]?.data as Float32Array
      let [largest, apart] = [0, 0]
      for (const value of own) {
        const reference = wanted[at++] as number
        largest = Math.max(largest, Math.abs(reference))
        apart = Math.max(apart, Math.abs(reference - value))
      }
      if (!(apart / largest <= worst.error)) worst = { name, error: apart / largest }
    }
    const figure = `${worst.error.toExponential(2)} of ${worst.name} (at most ${LIMIT})`
    context.check("language model: gradients as PyTorch's in double precision", worst.error <= LIMIT, figure)
  } finally {
    await step.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}
