import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Budget, budgetBytes, parseBudget, printBudget } from './budget.ts'
import { isPithError } from './errors.ts'

test.each<[string, Budget]>([
  ['50%', { kind: 'rate', rate: 0.5 }],
  ['7%', { kind: 'rate', rate: 0.07 }],
  ['100 %', { kind: 'rate', rate: 1 }],
  ['4x', { kind: 'ratio', ratio: 4 }],
  ['1x', { kind: 'ratio', ratio: 1 }],
  ['2.5X', { kind: 'ratio', ratio: 2.5 }],
  ['800MB', { kind: 'bytes', bytes: 800_000_000 }],
  ['1.5 GiB', { kind: 'bytes', bytes: 1.5 * 2 ** 30 }],
  ['12B', { kind: 'bytes', bytes: 12 }],
  ['3.2bpw', { kind: 'bits', bits: 3.2, per: 'weight' }],
  ['0.25bpp', { kind: 'bits', bits: 0.25, per: 'pixel' }],
  ['2bpv', { kind: 'bits', bits: 2, per: 'value' }],
  ['2000tok', { kind: 'tokens', tokens: 2000 }],
  ['sparsity=0.5', { kind: 'sparsity', sparsity: 0.5 }],
  ['psnr>=38', { kind: 'quality', measure: 'psnr', bound: 'atLeast', value: 38 }],
  ['nDCG@10 >= 0.4', { kind: 'quality', measure: 'nDCG@10', bound: 'atLeast', value: 0.4 }],
  ['perplexity<=6.2', { kind: 'quality', measure: 'perplexity', bound: 'atMost', value: 6.2 }],
  ['lufs>=-23', { kind: 'quality', measure: 'lufs', bound: 'atLeast', value: -23 }],
  ['speedup>=2', { kind: 'speedup', speedup: 2 }],
])('%s', (text, budget) => {
  expect(parseBudget(text)).toEqual(budget)
})

test.each([
  ['0.5x', "'2x' or '50%'"],
  ['0x', "'2x' or '50%'"],
  ['120%', 'at most 100%'],
  ['0%', 'above 0%'],
  ['0.2B', 'at least one byte'],
  ['1.5tok', 'whole number'],
  ['0bpw', 'above 0'],
  ['sparsity=1', 'below 1'],
  ['sparsity>=0.5', "'sparsity=0.5'"],
  ['speedup>=0.5', "'speedup>=2'"],
  ['speedup=2', "'speedup>=2'"],
  ['psnr=38', "'psnr>=38'"],
  ['', "'50%'"],
  ['50', "'50%'"],
  ['fast', "'50%'"],
  ['50mB', "'800MB'"],
  ['-5%', "'50%'"],
  ['1e999x', ''],
  ['9e99TB', 'size'],
])('%j is refused with a hint that says what to write', (text, hint) => {
  expect(() => parseBudget(text)).toThrow(
    expect.objectContaining({ code: 'PITH_BUDGET', hint: expect.stringContaining(hint) }),
  )
})

const positive = fc.double({ min: 0, minExcluded: true, max: 1e300, noNaN: true })
const budgets: fc.Arbitrary<Budget> = fc.oneof(
  fc.record({
    kind: fc.constant('rate' as const),
    rate: fc.oneof(
      fc.double({ min: 1e-300, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 1000 }).map((n) => n / 1000),
    ),
  }),
  fc.record({ kind: fc.constant('ratio' as const), ratio: fc.double({ min: 1, max: 1e300, noNaN: true }) }),
  fc.record({
    kind: fc.constant('bytes' as const),
    bytes: fc.oneof(
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fc
        .tuple(fc.integer({ min: 1, max: 8000 }), fc.constantFrom(1, 1e3, 1e6, 1e9, 1024, 2 ** 30))
        .map(([n, u]) => n * u),
    ),
  }),
  fc.record({
    kind: fc.constant('bits' as const),
    bits: positive,
    per: fc.constantFrom('weight' as const, 'pixel' as const, 'value' as const),
  }),
  fc.record({ kind: fc.constant('tokens' as const), tokens: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
  fc.record({
    kind: fc.constant('sparsity' as const),
    sparsity: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((n) => n + 0),
  }),
  fc.record({ kind: fc.constant('speedup' as const), speedup: fc.double({ min: 1, max: 1e300, noNaN: true }) }),
  fc.record({
    kind: fc.constant('quality' as const),
    measure: fc.constantFrom('psnr', 'nDCG@10', 'recall@100', 'perplexity', 'si-sdr', 'e'),
    bound: fc.constantFrom('atLeast' as const, 'atMost' as const),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  }),
)

test('what is printed is read back as the same budget', () => {
  fc.assert(
    fc.property(budgets, (budget) => {
      expect(parseBudget(printBudget(budget))).toEqual(budget)
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ['50%', '50%'],
  ['800 MB', '800MB'],
  ['1024MiB', '1GiB'],
  ['1536B', '1536B'],
  ['2000 tokens', '2000tok'],
])('%s prints as %s', (text, printed) => {
  expect(printBudget(parseBudget(text))).toBe(printed)
})

test('any text is a budget or a PITH_BUDGET', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.exMBkit%>=a-z]{0,12}$/)), (text) => {
      try {
        printBudget(parseBudget(text))
      } catch (error) {
        expect(isPithError(error, 'PITH_BUDGET')).toBe(true)
      }
    }),
  )
})

test('sizes that a budget leaves', () => {
  expect(budgetBytes(parseBudget('25%'), 1000)).toBe(250)
  expect(budgetBytes(parseBudget('3x'), 1000)).toBe(333)
  expect(budgetBytes(parseBudget('1kB'), 5)).toBe(1000)
  expect(budgetBytes(parseBudget('psnr>=38'), 5)).toBeUndefined()
})
