import { PithError } from './errors.ts'

/** What the user is ready to spend, or the least that must be kept. */
export type Budget =
  /** `50%`: share of the size that is kept, above 0 and at most 1. */
  | { kind: 'rate'; rate: number }
  /** `4x`: original / compressed, >= 1. */
  | { kind: 'ratio'; ratio: number }
  /** `800MB`: bytes, >= 1. */
  | { kind: 'bytes'; bytes: number }
  /** `3.2bpw`: bits per weight, pixel or value, above 0. */
  | { kind: 'bits'; bits: number; per: 'weight' | 'pixel' | 'value' }
  /** `2000tok`: tokens, >= 1. */
  | { kind: 'tokens'; tokens: number }
  /** `sparsity=0.5`: fraction of zeros, at least 0 and below 1. */
  | { kind: 'sparsity'; sparsity: number }
  /** `speedup>=2`: original time / new time, >= 1. */
  | { kind: 'speedup'; speedup: number }
  /** `psnr>=38`, `perplexity<=6.2`: a bound on a measure of the domain. */
  | { kind: 'quality'; measure: string; bound: 'atLeast' | 'atMost'; value: number }

const NUMBER = '([0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?)'
const AMOUNT = /* @__PURE__ */ new RegExp(`^${NUMBER} ?([a-z%]+)$`, 'i')
const BOUND = /^([a-z][a-z0-9_@.-]*) ?(>=|<=|=) ?(-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/i

const SIZES: Readonly<Record<string, number>> = /* @__PURE__ */ Object.freeze({
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
})

const BITS: Readonly<Record<string, 'weight' | 'pixel' | 'value'>> = /* @__PURE__ */ Object.freeze({
  bpw: 'weight',
  bpp: 'pixel',
  bpv: 'value',
})

const EXAMPLES = "Write one of '50%', '4x', '800MB', '3.2bpw', '2000tok', 'sparsity=0.5', 'psnr>=38', 'speedup>=2'."

/**
 * Read a budget as the user writes it.
 *
 * @throws PithError `PITH_BUDGET` with a hint that says what to write
 */
export function parseBudget(text: string): Budget {
  const trimmed = text.trim()
  const bound = BOUND.exec(trimmed)
  if (bound !== null) return parseBound(trimmed, bound[1], bound[2], Number(bound[3]) + 0)
  const amount = AMOUNT.exec(trimmed)
  if (amount !== null) {
    const budget = parseAmount(trimmed, amount[1], amount[2])
    if (budget !== undefined) return budget
  }
  throw refuse(trimmed, 'is no budget', EXAMPLES)
}

function parseAmount(text: string, digits: string, unit: string): Budget | undefined {
  const value = Number(digits)
  if (unit === '%') {
    // By its decimal exponent, so that '7%' is exactly 0.07.
    const rate = shiftDecimal(digits, -2)
    if (rate > 0 && rate <= 1) return { kind: 'rate', rate }
    throw refuse(text, 'is no share of the size', "Write a share above 0% and at most 100%, such as '50%'.")
  }
  if (unit === 'x' || unit === 'X') {
    if (value >= 1 && Number.isFinite(value)) return { kind: 'ratio', ratio: value }
    throw refuse(
      text,
      'would make the output larger than the input: a ratio is original / compressed',
      `Write ${value > 0 ? `'${round(1 / value)}x' or '${round(value * 100)}%'` : "'2x' or '50%'"} to keep that share of the size.`,
    )
  }
  if (Object.hasOwn(SIZES, unit)) {
    const bytes = Math.round(value * SIZES[unit])
    if (bytes >= 1 && Number.isSafeInteger(bytes)) return { kind: 'bytes', bytes }
    throw refuse(text, 'is no size', "Write a size of at least one byte, such as '800MB'.")
  }
  if (Object.hasOwn(BITS, unit)) {
    if (value > 0 && Number.isFinite(value)) return { kind: 'bits', bits: value, per: BITS[unit] }
    throw refuse(text, 'is no number of bits', `Write a number above 0, such as '3.2${unit}'.`)
  }
  if (unit === 'tok' || unit === 'tokens') {
    if (Number.isSafeInteger(value) && value >= 1) return { kind: 'tokens', tokens: value }
    throw refuse(text, 'is no number of tokens', "Write a whole number of at least 1, such as '2000tok'.")
  }
  return undefined
}

function parseBound(text: string, measure: string, sign: string, value: number): Budget {
  if (!Number.isFinite(value)) throw refuse(text, 'is no finite bound', EXAMPLES)
  if (measure === 'sparsity') {
    if (sign === '=' && value >= 0 && value < 1) return { kind: 'sparsity', sparsity: value }
    throw refuse(text, 'is no sparsity', "Write the fraction of zeros, from 0 to below 1, such as 'sparsity=0.5'.")
  }
  if (measure === 'speedup') {
    if (sign === '>=' && value >= 1) return { kind: 'speedup', speedup: value }
    throw refuse(text, 'is no speed-up', "Write the least speed-up, from 1, such as 'speedup>=2'.")
  }
  if (sign === '=') throw refuse(text, 'fixes a measure that can only be bounded', `Write '${measure}>=${value}'.`)
  return { kind: 'quality', measure, bound: sign === '>=' ? 'atLeast' : 'atMost', value }
}

/** Write a budget as {@link parseBudget} reads it; the same budget comes back. */
export function printBudget(budget: Budget): string {
  switch (budget.kind) {
    case 'rate':
      return `${printPercent(budget.rate)}%`
    case 'ratio':
      return `${budget.ratio}x`
    case 'bytes':
      return printBytes(budget.bytes)
    case 'bits':
      return `${budget.bits}bp${budget.per[0]}`
    case 'tokens':
      return `${budget.tokens}tok`
    case 'sparsity':
      return `sparsity=${budget.sparsity}`
    case 'speedup':
      return `speedup>=${budget.speedup}`
    case 'quality':
      return `${budget.measure}${budget.bound === 'atLeast' ? '>=' : '<='}${budget.value}`
    default:
      return budget satisfies never
  }
}

/** The number of bytes that a budget of size leaves of an input, undefined for the other kinds. */
export function budgetBytes(budget: Budget, bytesIn: number): number | undefined {
  if (budget.kind === 'rate') return Math.floor(bytesIn * budget.rate)
  if (budget.kind === 'ratio') return Math.floor(bytesIn / budget.ratio)
  if (budget.kind === 'bytes') return budget.bytes
  return undefined
}

function printPercent(rate: number): string {
  const plain = String(Number((rate * 100).toPrecision(15)))
  if (shiftDecimal(plain, -2) === rate) return plain
  const [mantissa, exponent = '0'] = String(rate).split('e')
  return `${mantissa}e${Number(exponent) + 2}`
}

function printBytes(bytes: number): string {
  let shortest = `${bytes}B`
  for (const unit of ['TB', 'GB', 'MB', 'kB', 'TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const amount = bytes / SIZES[unit]
    const text = `${amount}${unit}`
    if (text.length < shortest.length && amount >= 1 && Math.round(amount * SIZES[unit]) === bytes) shortest = text
  }
  return shortest
}

function shiftDecimal(digits: string, places: number): number {
  const [mantissa, exponent = '0'] = digits.toLowerCase().split('e')
  return Number(`${mantissa}e${Number(exponent) + places}`)
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}

function refuse(text: string, why: string, hint: string): PithError {
  return new PithError('PITH_BUDGET', `${JSON.stringify(text.slice(0, 80))} ${why}`, { hint })
}
