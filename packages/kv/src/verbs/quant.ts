/** `pith kv quant`. */
import { type Arguments, type CommandContext, numberOf } from '@pith/core'
import { modelOf } from '@pith/lm/node'
import type { BlockOptions, Method } from '../gear/index.ts'
import { gearScheme, q8Scheme, type Scheme, type Score, scoreSchemes } from '../measure/index.ts'
import { idsOfTexts, windowSize, windowsOf } from './inputs.ts'
import { rowsText } from './rows.ts'

const METHODS: readonly Method[] = ['kivi', 'had-kivi', 'gear-l', 'gear', 'kcvt']
const BITS = [2, 3, 4]
const WINDOWS = 16

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const lm = await modelOf(args, context)
  try {
    const window = windowSize(args, lm)
    const most = args.has('windows') ? numberOf(args, 'windows', 2, 4096, true) : WINDOWS
    const windows = windowsOf(await idsOfTexts(args, context, lm), window, most)
    const schemes = schemesOf(args, lm.config.headDim)
    const { scores, nll, tokens } = await scoreSchemes(lm, windows, [q8Scheme, ...schemes], {
      signal: context.signal,
      onProgress: (progress) => context.onProgress(progress),
    })
    const methods = Object.fromEntries(
      scores.map(({ name, setting, ...rest }) => [name === 'q8' ? 'q8' : `${name}-${setting}`, rest]),
    )
    const advice = adviceOf(scores.slice(1))
    if (context.json) await context.report({ window, windows: windows.length, tokens, nll, methods, advice })
    else await context.stdout.write(`${rowsText(methods)}\n${advice}\n`)
    return 0
  } finally {
    await lm.close()
  }
}

function schemesOf(args: Arguments, headDim: number): Scheme[] {
  const chosen = args.value('method') as Method | undefined
  const isPower = (headDim & (headDim - 1)) === 0
  const methods = chosen === undefined ? METHODS.filter((own) => own !== 'had-kivi' || isPower) : [chosen]
  const bits = args.has('bits') ? [numberOf(args, 'bits', 1, 8, true)] : BITS
  const options: BlockOptions = {
    group: args.has('group') ? numberOf(args, 'group', 1, 65536, true) : Math.min(64, headDim),
    ...(args.has('rank') ? { rank: numberOf(args, 'rank', 0, 64, true) } : {}),
    ...(args.has('sparse') ? { sparse: numberOf(args, 'sparse', 0, 0.5, false) } : {}),
  }
  return methods.flatMap((method) => bits.map((own) => gearScheme(String(own), { ...options, method, bits: own })))
}

/** Which to take: of those within a quarter of a bit of the smallest, and of all, the one that costs least. */
function adviceOf(scores: readonly Score[]): string {
  const least = Math.min(...scores.map((own) => own.bitsPerElem))
  const best = (own: readonly Score[]): Score => own.reduce((a, b) => (b.dNLL < a.dNLL ? b : a))
  const say = ({ name, setting, bitsPerElem, dNLL }: Score): string =>
    `${name} at ${setting} bits (${bitsPerElem.toFixed(2)} a number, ${dNLL.toFixed(4)} nats)`
  const small = best(scores.filter((own) => own.bitsPerElem <= least + 0.25))
  const exact = best(scores)
  return small === exact
    ? `Take ${say(small)}: none is smaller, and none costs less.`
    : `Smallest: ${say(small)}. Nearest: ${say(exact)}.`
}
