/** `pith kv evict`. */
import { type Arguments, type CommandContext, numberOf, PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import type { EvictionPolicy, Lm } from '@pith/lm'
import { modelOf } from '@pith/lm/node'
import {
  checkProfileOf,
  type EntropyProfile,
  type EvictionScore,
  evictionPolicy,
  headClasses,
  layerGroups,
  needsEntropy,
  POLICIES,
  type PolicyName,
  profileEntropy,
  readEntropyProfile,
  scoreEvictions,
  writeEntropyProfile,
} from '../uncomp/index.ts'
import { idsOfTexts, windowSize, windowsOf, withFile } from './inputs.ts'

const WINDOWS = 16
const BUDGETS = [0.1, 0.2, 0.35]

/** Largest entropy profile that is read. */
const MOST_BYTES = 2 ** 26

/** Share of the windows that entropies are measured on. */
const LEARNED = 1 / 3

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const names = namesOf(args)
  const budgets = budgetsOf(args)
  const limit = args.has('limit') ? numberOf(args, 'limit', 0, 10, false) : 0.02
  const lm = await modelOf(args, context)
  try {
    const window = windowSize(args, lm)
    const most = args.has('windows') ? numberOf(args, 'windows', 2, 4096, true) : WINDOWS
    const all = windowsOf(await idsOfTexts(args, context, lm), window, most)
    const task = { signal: context.signal, onProgress: context.onProgress.bind(context) }
    const isKnown = args.has('profile') || !names.some(needsEntropy)
    const learned = isKnown ? 0 : Math.max(1, Math.floor(all.length * LEARNED))
    const profile = args.has('profile')
      ? await profileOf(args, context, lm)
      : isKnown
        ? undefined
        : await profileEntropy(lm, all.slice(0, learned), task)
    const policies = budgets.flatMap((budget) => names.map((name) => policyOf(args, name, budget, profile)))
    const { scores, windows, ...rest } = await scoreEvictions(lm, all.slice(learned), policies, task)
    const rows = Object.fromEntries(
      scores.map(({ name: _, ...score }, i) => [
        `${names[i % names.length]}@${budgets[Math.floor(i / names.length)]}`,
        { ...score, verdict: score.interval[1] <= limit ? 'safe' : 'not safe' },
      ]),
    )
    const verdict = verdictOf(rows, limit)
    const out = args.value('out')
    if (out !== undefined && profile !== undefined) {
      await writeAtomic(out, new TextEncoder().encode(writeEntropyProfile(profile)), { force: args.has('force') })
    }
    if (context.json) {
      const entropy =
        profile === undefined
          ? {}
          : {
              entropy: {
                learnedOn: learned,
                layers: profile.layerEntropy,
                heads: profile.headEntropy,
                classes: headClasses(profile, Math.min(classesOf(args), Math.max(2, profile.kvHeads))),
                groups: layerGroups(profile),
              },
            }
      await context.report({ window, windows, ...rest, policies: rows, ...entropy, limit, verdict })
    } else {
      await context.note(
        `measured on ${windows} windows of ${window} tokens; the whole cache: ${rest.nll.toFixed(3)} nats`,
      )
      await context.stdout.write(`${tableOf(rows)}\n${verdict}\n`)
    }
    return 0
  } finally {
    await lm.close()
  }
}

type Row = Omit<EvictionScore, 'name'> & { readonly verdict: string }

function classesOf(args: Arguments): number {
  return args.has('classes') ? numberOf(args, 'classes', 2, 64, true) : 2
}

function policyOf(args: Arguments, name: PolicyName, budget: number, profile?: EntropyProfile): EvictionPolicy {
  return evictionPolicy(
    name,
    {
      budget,
      classes: classesOf(args),
      staged: args.has('staged'),
      bounded: args.has('bounded'),
      ...(args.has('judges') ? { window: numberOf(args, 'judges', 1, 1024, true) } : {}),
      ...(args.has('kernel') ? { kernel: numberOf(args, 'kernel', 1, 1023, true) } : {}),
    },
    profile,
  )
}

function namesOf(args: Arguments): PolicyName[] {
  const text = args.value('policy')
  if (text === undefined || text === 'all') return [...POLICIES]
  const names = text.split(',').map((name) => name.trim())
  const wild = names.find((name) => name !== 'auto' && !(POLICIES as readonly string[]).includes(name))
  if (wild !== undefined) {
    throw new PithError('PITH_ARG', `there is no policy ${wild.slice(0, 40)}`, {
      hint: `Take some of ${POLICIES.join(',')},auto.`,
    })
  }
  return names as PolicyName[]
}

function budgetsOf(args: Arguments): number[] {
  const text = args.value('budget')
  if (text === undefined) return BUDGETS
  const budgets = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (budgets.some((budget) => !(budget > 0 && (budget < 1 || (Number.isInteger(budget) && budget <= 2 ** 24))))) {
    throw new PithError('PITH_ARG', `--budget is parts such as 0.1,0.2 or tokens such as 64, got ${text.slice(0, 40)}`)
  }
  return budgets
}

async function profileOf(args: Arguments, context: CommandContext, lm: Lm): Promise<EntropyProfile> {
  const bytes = await withFile(args.value('profile') as string, context, async (access) => {
    if (access.size > MOST_BYTES) throw new PithError('PITH_LIMIT', `an entropy profile has no ${access.size} bytes`)
    return await access.read(0, access.size)
  })
  const profile = readEntropyProfile(new TextDecoder().decode(bytes))
  checkProfileOf(profile, lm.fingerprint)
  return profile
}

/** The smallest that costs less than the limit for certain. */
function verdictOf(rows: Readonly<Record<string, Row>>, limit: number): string {
  const safe = Object.entries(rows).filter(([, { verdict }]) => verdict === 'safe')
  const [name, best] = safe.sort(([, a], [, b]) => a.share - b.share || a.dNLL - b.dNLL)[0] ?? []
  return best === undefined
    ? `None is safe here: each may cost more than ${limit} nats a token.`
    : `Safe here: ${name}, ${(100 * best.share).toFixed(1)} % of the bytes for at most ${Math.max(0, best.interval[1]).toFixed(4)} nats a token.`
}

function tableOf(rows: Readonly<Record<string, Row>>): string {
  const head = ['', 'bytes', 'of all', 'nats', 'interval', 'same token', '']
  const lines = Object.entries(rows).map(([name, { bytes, share, dNLL, interval, top1, verdict }]) => [
    name,
    bytes.toFixed(0),
    `${(100 * share).toFixed(1)} %`,
    dNLL.toFixed(4),
    interval.map((x) => x.toFixed(4)).join(' .. '),
    top1.toFixed(3),
    verdict,
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => (line[i] as string).length)))
  const isLeft = (i: number): boolean => i === 0 || i === head.length - 1
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, i) => (isLeft(i) ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
