/** The bench of the language models: `npm run bench -- lm`. */
import { type BenchModel, benchModels, measureDecode, measurePrefill, PAST, PROMPT } from './lm/runtime.ts'
import type { Bench, BenchContext } from './measure/case.ts'
import { textTable } from './measure/table.ts'

async function benchDecode(context: BenchContext, models: readonly BenchModel[]): Promise<void> {
  const rows: string[][] = []
  for (const model of models) {
    const { q4, f32, growing, llamaCpp, llamaCppVersion } = await measureDecode(model, context.repeats, context.cache)
    const peers = [
      { name: 'growing cache, f32', ms: growing },
      ...(llamaCpp === undefined
        ? []
        : [{ name: `node-llama-cpp ${model.type}`, version: llamaCppVersion, ms: llamaCpp }]),
    ]
    for (const { ms, ...peer } of peers) {
      for (const [quant, own] of Object.entries({ q4, f32 })) {
        context.add({
          system: 'lm',
          kind: 'decode',
          peer,
          data: { name: model.name, bytes: 4 * countOf(model) },
          params: { quant, past: PAST, threads: 1 },
          ours: { cpuMs: own },
          theirs: { cpuMs: ms },
          vs: { cpu: own / ms },
          repeats: context.repeats,
        })
        rows.push([model.name, quant, peer.name, own.toFixed(3), ms.toFixed(3), `${(ms / own).toFixed(2)}x`])
      }
    }
  }
  context.say(textTable([`token behind ${PAST}`, 'ours', 'peer', 'ours, CPU ms', 'theirs', 'theirs / ours'], rows))
}

async function benchPrefill(context: BenchContext, models: readonly BenchModel[]): Promise<void> {
  const rows: string[][] = []
  for (const model of models) {
    for (const quant of ['f32', 'q4'] as const) {
      const { whole, byToken, distance } = await measurePrefill(model, quant, 2)
      context.add({
        system: 'lm',
        kind: 'prefill',
        peer: { name: 'token by token' },
        data: { name: model.name, bytes: 4 * countOf(model) },
        params: { quant, tokens: PROMPT, threads: 1 },
        ours: { cpuMs: whole, quality: { distance } },
        theirs: { cpuMs: byToken },
        vs: { cpu: whole / byToken },
        repeats: 2,
      })
      rows.push([model.name, quant, whole.toFixed(1), byToken.toFixed(1), `${(byToken / whole).toFixed(1)}x`])
    }
  }
  context.say(textTable([`prompt of ${PROMPT}`, 'ours', 'CPU ms', 'token by token', 'that / ours'], rows))
}

function countOf({ params }: BenchModel): number {
  return Object.values(params).reduce((sum, { data }) => sum + data.length, 0)
}

const PARTS: Readonly<Record<string, typeof benchDecode>> = { decode: benchDecode, prefill: benchPrefill }

export const bench: Bench = {
  system: 'lm',
  parts: Object.keys(PARTS),
  async run(context) {
    const models = await benchModels()
    for (const [name, part] of Object.entries(PARTS)) {
      if (context.only.size > 0 && !context.only.has(name)) continue
      context.say(`## lm: ${name}`)
      await part(context, models)
    }
  },
}
