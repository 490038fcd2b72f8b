/** `pith model check`. */
import { stat } from 'node:fs/promises'
import { type Arguments, type CommandContext, PithError } from '@pith/core'
import { checkReference, LIMITS, type TensorError, worstOf } from './reference.ts'
import { checkFolder, RELATIVE } from './test-folder.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0] as string
  const references = args.value('io')
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  if (isFolder) {
    if (references !== undefined || args.has('grad')) {
      throw new PithError('PITH_ARG', 'a folder brings its own references: --io and --grad are for models')
    }
    return await checkSets(path, context)
  }
  if (references === undefined) {
    throw new PithError('PITH_ARG', 'option --io is missing', {
      hint: 'Give the references: pith model check MODEL.onnx --io REF.npz',
    })
  }
  const options = { grad: args.has('grad'), signal: context.signal }
  const { ok, outputs, loss, gradients } = await checkReference(path, references, options)
  const forward = worstOf(outputs)
  const grad = gradients === undefined ? undefined : worstOf(gradients)
  if (context.json) {
    await context.report({
      ok,
      forward,
      ...(loss === undefined ? {} : { loss }),
      ...(grad === undefined ? {} : { grad }),
    })
    return ok ? 0 : 1
  }
  if (!context.quiet) {
    for (const output of outputs) await say(context, 'output', output, LIMITS.forward)
    if (loss !== undefined) await say(context, 'loss', { name: '', error: loss }, LIMITS.loss)
    for (const gradient of gradients ?? []) await say(context, 'grad', gradient, LIMITS.grad)
    const parts = [`outputs ${shown(forward)}`, ...(loss === undefined ? [] : [`loss ${shown(loss)}`])]
    if (grad !== undefined) parts.push(`gradients ${shown(grad)}`)
    await context.stdout.write(`${ok ? 'ok' : 'FAIL'}: worst relative error of ${parts.join(', ')}\n`)
  }
  return ok ? 0 : 1
}

async function checkSets(folder: string, context: CommandContext): Promise<number> {
  const sets = await checkFolder(folder, { signal: context.signal })
  const ok = sets.every((set) => set.ok)
  const forward = worstOf(sets.flatMap((set) => set.outputs))
  if (context.json) {
    await context.report({ ok, forward, sets })
  } else if (!context.quiet) {
    for (const set of sets) {
      const worst = shown(worstOf(set.outputs))
      await context.stdout.write(
        `${set.ok ? 'ok  ' : 'FAIL'}  ${set.set}  ${worst}${set.ok ? '' : ` (at most ${RELATIVE})`}\n`,
      )
    }
    await context.stdout.write(
      `${ok ? 'ok' : 'FAIL'}: worst relative error of outputs ${shown(forward)} in ${sets.length} sets\n`,
    )
  }
  return ok ? 0 : 1
}

async function say(context: CommandContext, what: string, row: TensorError, limit: number): Promise<void> {
  const ok = row.error <= limit
  const name = row.name === '' ? '' : `  ${JSON.stringify(row.name).slice(1, -1)}`
  const rest = ok ? '' : ` (at most ${limit})`
  await context.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${what.padEnd(6)}  ${shown(row.error)}${name}${rest}\n`)
}

function shown(error: number): string {
  return error === Number.MAX_VALUE ? 'no match' : error.toExponential(1)
}
