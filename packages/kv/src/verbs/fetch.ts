/** `pith kv fetch`. */
import { type Arguments, type CommandContext, numberOf, PithError } from '@pith/core'
import { idsOf, modelOf } from '@pith/lm/node'
import { type Controller, fixedController, loadStream, paperController, planController } from '../stream/index.ts'
import { fileOf } from './inputs.ts'

const CONTROLLERS: Readonly<Record<string, Controller>> = {
  plan: planController,
  paper: paperController,
  text: fixedController('text'),
  '1': fixedController(0),
  '2': fixedController(1),
  '3': fixedController(2),
  '4': fixedController(3),
}

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const url = fileOf(args)
  if (!/^https?:\/\//.test(url)) throw new PithError('PITH_ARG', `${url.slice(0, 80)} is no address of a server`)
  const controller = CONTROLLERS[args.value('controller') ?? 'plan'] as Controller
  const slo = args.has('within') ? numberOf(args, 'within', 0.001, 86400, false) : 1
  const lm = await modelOf(args, context)
  try {
    const ids = await idsOf(args, context, lm, 1)
    const { session, report } = await loadStream(url, lm, ids, { controller, slo, signal: context.signal })
    const { choices, ready, isMet, damage, bytes, refetches } = report
    const levels = choices.map((choice) => (choice === 'text' ? 'text' : choice + 1))
    if (context.json) {
      await context.report({ tokens: session.length, levels, readyS: ready, isMet, damage, bytes, refetches })
    } else {
      await context.stdout.write(
        `${session.length} tokens ready after ${ready.toFixed(3)} s, ${isMet ? 'in time' : 'too late'}; ${bytes} bytes, levels ${levels.join(' ')}, ${damage.toFixed(4)} nats a token by the profile\n`,
      )
    }
    return 0
  } finally {
    await lm.close()
  }
}
