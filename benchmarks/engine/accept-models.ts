/** Models of PyTorch and of ONNX's own tests against the values that come with them, through the command. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../logzip/command.ts'
import { type AcceptContext, atMost } from '../measure/accept.ts'
import { dataFolder } from '../measure/data.ts'
import { runProcess } from '../measure/process.ts'

const TORCH = ['mlp', 'ae', 'cnn', 'lstm', 'encoder_op13', 'encoder_op17']
const SUITES = ['simple', 'pytorch-operator', 'pytorch-converted']
/** Models of ONNX's tests that must run; the others are refused by name. */
const LEAST_RIGHT = 91

/** What `pith model check --json` prints. */
interface Report {
  readonly ok: boolean
  readonly forward?: number
  readonly loss?: number
  readonly grad?: number
  readonly error?: { readonly code: string; readonly message: string }
}

/** Outputs, loss and gradients of the models that PyTorch exported. */
export async function acceptTorch(context: AcceptContext): Promise<void> {
  const folder = join(dataFolder() ?? '', 'engine/torch')
  for (const name of TORCH) {
    const model = join(folder, `${name}.onnx`)
    const report = await check(context, [model, '--io', join(folder, `${name}.npz`), '--grad'])
    atMost(context, `${name}: outputs as PyTorch's`, report.forward ?? Number.NaN, 1e-5, 9)
    atMost(context, `${name}: loss as PyTorch's`, report.loss ?? Number.NaN, 1e-5, 9)
    atMost(context, `${name}: gradients as PyTorch's`, report.grad ?? Number.NaN, 1e-4, 9)
  }
}

/** Models of ONNX's tests: right, or refused with an error that names the operator. */
export async function acceptSuite(context: AcceptContext): Promise<void> {
  const root = join(dataFolder() ?? '', 'engine/onnx')
  let right = 0
  const wrong: string[] = []
  const refused: string[] = []
  const unnamed: string[] = []
  for (const suite of SUITES) {
    for (const name of readdirSync(join(root, suite))) {
      const folder = join(root, suite, name)
      const { ok, error } = await check(context, [folder])
      if (ok) right++
      else if (error === undefined) wrong.push(name)
      else {
        const operators = operatorsOf(join(folder, 'model.onnx'), error.message)
        if (error.code !== 'PITH_MODEL' || operators === undefined) unnamed.push(`${name}: ${error.message}`)
        refused.push(`${name}: ${operators ?? error.code}`)
      }
    }
  }
  const all = right + wrong.length + refused.length
  context.say(`refused: ${refused.join(', ')}`)
  context.check("models of ONNX's tests that run right", right >= LEAST_RIGHT, `${right} of ${all} (at least 91)`)
  context.check("models of ONNX's tests that are wrong", wrong.length === 0, wrong.join(', ') || 'none')
  context.check('what is refused names the operator', unnamed.length === 0, unnamed.join('; ') || 'all')
}

/** The operator that a message names, which must stand in the file. */
function operatorsOf(path: string, message: string): string | undefined {
  const found = /the operator ([A-Za-z.]+)/.exec(message)?.[1]
  const name = found?.split('.').at(-1) ?? ''
  return name !== '' && readFileSync(path, 'latin1').includes(name) ? found : undefined
}

async function check(context: AcceptContext, words: readonly string[]): Promise<Report> {
  const out = join(cacheFolder(context.cache, 'engine'), 'report.json')
  await runProcess([...context.pith, 'model', 'check', '--json', ...words], { stdout: out, limitMs: 120_000 })
  return JSON.parse(readFileSync(out, 'utf8')) as Report
}
