/** Our figures against what trec_eval 9.0.8 printed for the same files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate, measureOf, readQrels, readRun, trecEvalLines } from '@pith/index/metrics'
import type { AcceptContext } from '../measure/accept.ts'
import { dataFolder } from '../measure/data.ts'

/** The run of 40 Cranfield queries, query by query, averaged and over all judged queries, to the 4 decimals that are printed. */
export async function acceptTrecEval(context: AcceptContext): Promise<void> {
  const folder = join(dataFolder() ?? '', 'index/trec-golden')
  const read = (name: string) => new Uint8Array(readFileSync(join(folder, name)))
  for (const { run, qrels, printed, complete } of [
    { run: 'cranfield-bm25.run', qrels: 'cranfield.qrels', printed: 'cranfield-bm25.trec_eval.txt' },
    {
      run: 'cranfield-bm25.run',
      qrels: 'cranfield.qrels',
      printed: 'cranfield-bm25.trec_eval-complete.txt',
      complete: true,
    },
    { run: 'micro.run', qrels: 'micro.qrels', printed: 'micro.trec_eval.txt' },
  ]) {
    const golden = readFileSync(join(folder, printed), 'utf8').trimEnd().split('\n')
    const measures = [...new Set(golden.map((line) => line.split(/\s+/)[0] as string))].filter(
      (name) => name !== 'num_q',
    )
    const evaluation = evaluate(await readRun(read(run)), await readQrels(read(qrels)), {
      measures,
      complete: complete === true,
    })
    const ours = [...trecEvalLines(evaluation, { perQuery: golden.length > measures.length + 1 })]
    const same = golden.filter((line, i) => line === ours[i]).length
    const figure = `${same} of ${golden.length} lines alike, ${ours.length} printed`
    context.check(`${printed}: as trec_eval prints it`, same === golden.length && ours.length === same, figure)
    if (measures.some((name) => measureOf(name).trecName !== name)) context.check(`${printed}: names`, false, 'differ')
  }
}
