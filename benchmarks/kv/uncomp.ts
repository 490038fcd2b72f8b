/** What models still recall where a part of the cache is kept: all policies behind the same prompts, at the same bytes. */
import { pairedBootstrap, wilsonInterval } from '@pith/core'
import {
  adaKv,
  type EntropyProfile,
  h2o,
  profileEntropy,
  pyramidKv,
  snapKv,
  streamingLlm,
  uncomp,
  uncompAda,
} from '@pith/kv/uncomp'
import type { EvictingSession, EvictionPolicy, Lm } from '@pith/lm'
import type { RecallTask } from '@pith/lm/recall'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { dataFolder } from '../measure/data.ts'
import { textTable } from '../measure/table.ts'
import { type Question, QuestionSource } from './recall-rows.ts'
import { loadKvModel } from './setting.ts'

const TASKS: readonly RecallTask[] = ['lookup', 'needle']
const BUDGETS: readonly number[] = [0.1, 0.2, 0.35]

/** The model that is promised about. */
const MEANT = 'pith-recall'

/** Rows of each task, and their tokens. */
const ROWS = 200

/** Less where a run must be short. */
const FEW_ROWS = 80
const LENGTH = 384

/** Rows of each task whose entropies are measured, and where they are drawn from. */
const LEARNED = 12
const LEARNED_SEED = 7_200_001

/** For all policies that judge: an answer reaches four digits beyond the one that its question looks for. */
const JUDGING = { window: 8, kernel: 9 }

/** The budget at which prompts also lose tokens while they are read. */
const STAGED_AT = 0.2

const POLICIES: Readonly<Record<string, (budget: number, profile: EntropyProfile) => EvictionPolicy>> = {
  streaming: (budget) => streamingLlm({ budget }),
  h2o: (budget) => h2o({ budget }),
  pyramidkv: (budget) => pyramidKv({ budget, ...JUDGING }),
  snapkv: (budget) => snapKv({ budget, ...JUDGING }),
  adakv: (budget) => adaKv({ budget, ...JUDGING }),
  reversed: (budget, profile) => uncomp(profile, { budget, reversed: true, ...JUDGING }),
  uncomp: (budget, profile) => uncomp(profile, { budget, ...JUDGING }),
  'uncomp+ada': (budget, profile) => uncompAda(profile, { budget, ...JUDGING }),
}

/** Told, not promised. */
const ELSEWHERE = 'uncomp, entropies of stories'
const STAGED = 'uncomp, staged'

/** One policy at one task and budget: 1 for each row that was answered rightly. */
interface Outcome {
  readonly task: RecallTask
  readonly budget: number
  readonly policy: string
  readonly right: number[]
  /** Bytes of kept keys and values, and with spare space. */
  held: number
  bytes: number
}

/** All outcomes; `whole` is the cache as it is. */
export interface Recall {
  readonly model: string
  readonly outcomes: readonly Outcome[]
  /** Mean bytes of whole caches by task. */
  readonly whole: Readonly<Record<string, number>>
}

let measured: Promise<Recall> | undefined

/** Measured once in a process. */
function measureRecall(count: number): Promise<Recall> {
  return (measured ??= measure(count))
}

async function measure(count: number): Promise<Recall> {
  const { lm, name: model } = await loadKvModel()
  try {
    return await recallOf(lm, model, count)
  } finally {
    await lm.close()
  }
}

/** What a model recalls behind each policy. */
export async function recallOf(lm: Lm, model: string, count: number): Promise<Recall> {
  const source = new QuestionSource(dataFolder() ?? '', model)
  const learned = TASKS.flatMap((task) => source.questions(task, LEARNED, LENGTH, LEARNED_SEED))
  const profile = await profileEntropy(
    lm,
    learned.map(({ prompt }) => prompt),
  )
  // Entropies of plain stories: what a profile of other texts is worth.
  const elsewhere = await profileEntropy(lm, source.stories(2 * LEARNED, LENGTH, LEARNED_SEED))
  const outcomes: Outcome[] = []
  const whole: Record<string, number> = {}
  for (const task of TASKS) {
    const rows = source.questions(task, count, LENGTH)
    const own = await measureTask(lm, profile, elsewhere, task, rows)
    outcomes.push(...own)
    whole[task] = mean(rows.map(({ prompt }) => prompt.length)) * tokenBytes(lm)
  }
  return { model, outcomes, whole }
}

async function measureTask(
  lm: Lm,
  profile: EntropyProfile,
  elsewhere: EntropyProfile,
  task: RecallTask,
  rows: readonly Question[],
): Promise<Outcome[]> {
  const outcomes = new Map<string, Outcome>()
  for (const { prompt, answer } of rows) {
    const read = await lm.readPrompt(prompt, { window: JUDGING.window, every: true })
    const ask = async (name: string, share: number, policy: EvictionPolicy, isStaged = false): Promise<void> => {
      const session = lm.session({ policy })
      if (isStaged) await session.prefill(prompt)
      else session.start(read)
      const key = `${name} ${share}`
      const own = outcomes.get(key) ?? { task, budget: share, policy: name, right: [], held: 0, bytes: 0 }
      outcomes.set(key, own)
      own.held += session.heldBytes / rows.length
      own.bytes += session.bytes / rows.length
      own.right.push((await isAnswered(lm, session, read.logits, answer)) ? 1 : 0)
    }
    await ask('whole', 1, snapKv({ budget: prompt.length, ...JUDGING }))
    for (const share of BUDGETS) {
      const budget = Math.max(JUDGING.window + 1, Math.round(share * prompt.length))
      for (const [name, make] of Object.entries(POLICIES)) await ask(name, share, make(budget, profile))
      await ask(ELSEWHERE, share, uncomp(elsewhere, { budget, ...JUDGING }))
      if (share === STAGED_AT) {
        await ask(STAGED, share, uncomp(profile, { budget, staged: true, ...JUDGING }), true)
      }
    }
  }
  return [...outcomes.values()]
}

/** Whether each token of the answer is the likeliest behind those before it. */
async function isAnswered(lm: Lm, session: EvictingSession, first: Float32Array, answer: Int32Array): Promise<boolean> {
  const { vocab } = lm.config
  const given = answer.subarray(0, answer.length - 1)
  const logits = await session.read(given, [...given.keys()])
  return answer.every((id, i) => {
    const own = i === 0 ? first : logits.subarray((i - 1) * vocab, i * vocab)
    return own.reduce((best, logit, other) => (logit > (own[best] as number) ? other : best), 0) === id
  })
}

/** Bytes of the keys and values of a token. */
function tokenBytes({ config: { layers, kvHeads, headDim } }: Lm): number {
  return 8 * layers * kvHeads * headDim
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function find({ outcomes }: Recall, task: RecallTask, budget: number, policy: string): Outcome {
  const own = outcomes.find((one) => one.task === task && one.budget === budget && one.policy === policy)
  if (own === undefined) throw new Error(`${policy} was not measured on ${task} at ${budget}`)
  return own
}

function describe({ right }: Outcome): string {
  const { interval } = wilsonInterval(
    right.reduce((a, b) => a + b, 0),
    right.length,
  )
  return `${mean(right).toFixed(3)} [${interval.map((x) => x.toFixed(3)).join(', ')}]`
}

function tableOf(recall: Recall): string {
  const rows = [...Object.keys(POLICIES), ELSEWHERE, STAGED].map((policy) => [
    policy,
    ...TASKS.flatMap((task) =>
      BUDGETS.map((budget) => {
        const own = recall.outcomes.find((one) => one.task === task && one.budget === budget && one.policy === policy)
        return own === undefined ? '' : describe(own)
      }),
    ),
  ])
  const whole = TASKS.flatMap((task) => BUDGETS.map(() => describe(find(recall, task, 1, 'whole'))))
  return textTable(
    ['', ...TASKS.flatMap((task) => BUDGETS.map((budget) => `${task} ${budget}`))],
    [['whole', ...whole], ...rows],
  )
}

/** `npm run bench -- kv --only uncomp` */
export async function benchUncomp(context: BenchContext): Promise<void> {
  const recall = await measureRecall(ROWS)
  for (const own of recall.outcomes) {
    if (own.policy === 'whole') continue
    const whole = find(recall, own.task, 1, 'whole')
    const { value, interval } = wilsonInterval(
      own.right.reduce((a, b) => a + b, 0),
      own.right.length,
    )
    context.add({
      system: 'kv',
      kind: 'uncomp',
      peer: { name: 'whole cache' },
      data: { name: `${recall.model}, ${own.task}`, bytes: recall.whole[own.task] as number },
      params: { policy: own.policy, budget: own.budget, rows: own.right.length, tokens: LENGTH, ...JUDGING },
      ours: { bytes: own.held, quality: { accuracy: value, low: interval[0], high: interval[1] } },
      theirs: { bytes: whole.held, quality: { accuracy: mean(whole.right) } },
      vs: { bytes: own.held / whole.held },
      repeats: 1,
    })
  }
  context.say(tableOf(recall))
}

/** Settings in which a policy must be as good as another, of the six. */
const BARS: readonly (readonly [ours: string, theirs: string, least: number])[] = [
  ['uncomp', 'reversed', 5],
  ['uncomp', 'h2o', 5],
  ['uncomp', 'pyramidkv', 5],
  ['uncomp', 'streaming', 5],
  ['uncomp+ada', 'snapkv', 4],
]

/** As good as others at equal bytes, in most settings. */
export async function acceptUncomp(context: AcceptContext): Promise<void> {
  checkRecall(await measureRecall(context.scale < 1 ? FEW_ROWS : ROWS), context)
}

/** The checks of what was measured. */
export function checkRecall(recall: Recall, context: Pick<AcceptContext, 'say' | 'check'>): void {
  context.say(`${recall.model}, rows of ${LENGTH} tokens a task, share of right answers\n${tableOf(recall)}`)
  if (recall.model !== MEANT) {
    context.say(`${recall.model} has too few heads to tell classes apart: nothing is checked`)
    return
  }
  const settings = TASKS.flatMap((task) => BUDGETS.map((budget) => ({ task, budget })))
  for (const [ours, theirs, least] of BARS) {
    const differences = settings.map(({ task, budget }) => {
      const [a, b] = [find(recall, task, budget, ours), find(recall, task, budget, theirs)]
      const { value, interval } = pairedBootstrap(a.right, b.right)
      return { isAsGood: value >= 0, text: `${value.toFixed(3)} [${interval.map((x) => x.toFixed(3)).join(', ')}]` }
    })
    const count = differences.filter(({ isAsGood }) => isAsGood).length
    context.check(
      `${ours} recalls as much as ${theirs} at equal bytes`,
      count >= least,
      `in ${count} of ${settings.length} settings (at least ${least}); differences ${differences.map(({ text }) => text).join(', ')}`,
    )
  }
  const spreads = settings.map(({ task, budget }) => {
    const held = Object.keys(POLICIES).map((policy) => find(recall, task, budget, policy).held)
    return Math.max(...held) / Math.min(...held)
  })
  context.check('policies keep the same bytes', Math.max(...spreads) === 1, `most over least ${Math.max(...spreads)}`)
  const spare = settings.flatMap(({ task, budget }) =>
    Object.keys(POLICIES).map((policy) => {
      const { held, bytes } = find(recall, task, budget, policy)
      return bytes / held
    }),
  )
  context.say(`memory with spare space over what is kept: ${Math.max(...spare).toFixed(2)} at most`)
}
