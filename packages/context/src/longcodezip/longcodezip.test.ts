import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PithError } from '@pith/core'
import { loadLm } from '@pith/lm/node'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { o200kCounter } from '../safe/counter.ts'
import { knapsack } from './knapsack.ts'
import { languageOf } from './languages.ts'
import { type CompressedCode, compressCode } from './longcodezip.ts'
import { installedGrammars } from './node/grammars.ts'
import { CodeParser } from './parse.ts'

const parser = new CodeParser(installedGrammars)
const counter = await o200kCounter()

/** The same small program in each language: two functions, one of them in a class where there are classes. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'a.ts': `import { x } from './x'

/** Waits and tries again. */
export async function retry(times: number): Promise<void> {
  const waits = [1, 2, 4]
  for (let i = 0; i < times; i++) {
    const wait = waits[i] ?? 8
    if (wait > 3) {
      await sleep(wait)
    } else {
      await nothing()
    }
  }
  return done()
}

export class Store extends Base {
  #items = new Map()

  @cached()
  get(key: string): number {
    const found = this.#items.get(key)
    if (found === undefined) throw new Error('missing')
    return found
  }
}
`,
  'a.py': `import os

class Store(Base):
    """Keeps items."""
    size = 3

    @cached
    def get(self, key):
        """Find an item."""
        found = self.items.get(key)
        if found is None:
            raise KeyError(key)
        else:
            log(found)
            count(found)
        return found

# Waits and tries again.
def retry(times):
    waits = [1, 2, 4]
    for i in range(times):
        wait = waits[i]
        sleep(wait)
    while True:
        pass
`,
  'a.go': `package a

// Retry waits and tries again.
func (s *Store) Retry(times int) error {
	waits := []int{1, 2, 4}
	for i := 0; i < times; i++ {
		wait := waits[i]
		sleep(wait)
	}
	return nil
}

func get(key string) int {
	found := items[key]
	if found == 0 {
		panic("missing")
	}
	return found
}
`,
  'A.java': `package a;

public class A {
  private int size = 3;

  /** Waits and tries again. */
  @Override
  public void retry(int times) throws Exception {
    int[] waits = {1, 2, 4};
    for (int i = 0; i < times; i++) {
      int wait = waits[i];
      sleep(wait);
    }
  }

  int get(String key) {
    Integer found = items.get(key);
    if (found == null) {
      throw new Exception("missing");
    }
    return found;
  }
}
`,
  'a.rs': `use std::fs;

impl Store {
    /// Waits and tries again.
    #[inline]
    pub fn retry(&self, times: usize) -> usize {
        let waits = [1, 2, 4];
        for i in 0..times {
            let wait = waits[i];
            sleep(wait);
        }
        return times;
    }
}

fn get(key: &str) -> u32 {
    let found = find(key);
    if found == 0 {
        panic!("missing");
    }
    found
}
`,
  'a.cpp': `#include <map>
#ifdef FAST
namespace store {
// Waits and tries again.
template <class T>
int Store<T>::retry(int times) {
  int waits[] = {1, 2, 4};
  for (int i = 0; i < times; i++) {
    int wait = waits[i];
    sleep(wait);
  }
  return times;
}
}
#endif
static int get(const char *key) {
  int found = find(key);
  if (!found) {
    abort();
  }
  return found;
}
`,
  'a.js': `'use strict'
exports.retry = async function (times) {
  const waits = [1, 2, 4]
  for (let i = 0; i < times; i++) {
    const wait = waits[i]
    await sleep(wait)
  }
}
const get = (key) => {
  const found = items.get(key)
  switch (found) {
    case undefined:
      throw new Error('missing')
    default:
      return found
  }
}
`,
}

describe.each(Object.entries(PROGRAMS))('%s', (path, text) => {
  const language = languageOf(path)?.id as NonNullable<ReturnType<typeof languageOf>>['id']

  test('functions are found with their comments and decorators', async () => {
    const units = await parser.outline(path, text)
    const own = units.filter(({ kind }) => kind === 'function')
    expect(own.map(({ name }) => name.toLowerCase().replace(/.*[.:]/, '')).sort()).toEqual(['get', 'retry'])
    const retry = own.find(({ name }) => /retry/i.test(name))
    const code = text.slice(retry?.span.start, retry?.span.end)
    if (text.includes('tries again')) expect(code).toContain('tries again')
    const leaves = units.filter(({ kind }) => kind !== 'class')
    expect(leaves.map(({ span }) => text.slice(span.start, span.end)).join('')).toBe(text)
  })

  test('what is kept is exact, within the budget, and parses', async () => {
    const whole = await compressCode([{ path, text }], { query: 'x', budget: { rate: 1 }, parser })
    const before = await parser.errors(text, language)
    for (let tokens = 4; tokens < whole.originalTokens; tokens += 3) {
      const result = await compressCode([{ path, text }], {
        query: 'how long does it wait',
        budget: { tokens },
        parser,
      })
      expect(counter.count(result.text)).toBeLessThanOrEqual(tokens)
      expect(await parser.errors(result.text, language), `${tokens} tokens:\n${result.text}`).toBeLessThanOrEqual(
        before,
      )
      checkSlices(whole.text, result)
      for (const { kept, name } of result.functions) if (kept !== 'none') expect(result.text).toContain(name)
    }
  })
})

function checkSlices(original: string, { text, kept, sourceMap }: CompressedCode): void {
  for (const { start, end } of kept) {
    const at = sourceMap.fromSource(start) as number
    expect(text.slice(at, at + end - start)).toBe(original.slice(start, end))
  }
}

test('the function that answers comes first, and its best statements stay', async () => {
  const files = Object.entries(PROGRAMS).map(([path, text]) => ({ path, text }))
  const result = await compressCode(files, {
    query: 'where is a missing key reported',
    budget: { tokens: 160 },
    parser,
  })
  expect(result.functions[0]?.name).toMatch(/get/)
  expect(result.text).toContain('missing')
  expect(result.text).toContain('// …\n')
  const again = await compressCode(files, { query: 'where is a missing key reported', budget: { tokens: 160 }, parser })
  expect(again.text).toBe(result.text)
})

test('a model orders the best functions, and one that cannot says so', async () => {
  const model = await loadLm(join(import.meta.dirname, '../../../../models/pith-recall'))
  const files = Object.entries(PROGRAMS).map(([path, text]) => ({ path, text }))
  const options = { query: 'found = self.items.get(key)', budget: { tokens: 160 }, parser }
  const without = await compressCode(files, options)
  const result = await compressCode(files, { ...options, model })
  expect(result.report).toMatchObject({ scorer: 'functions+perplexity+statements', warnings: [] })
  expect(result.tokens).toBeLessThanOrEqual(160)
  // The model copies: what the question repeats is foreseen best behind the code that has it.
  expect(result.functions[0]).toMatchObject({ path: 'a.py', name: 'get' })
  const names = ({ functions }: CompressedCode): string[] => functions.map(({ path, name }) => `${path} ${name}`).sort()
  expect(names(result)).toEqual(names(without))
  const silent = {
    ...{ config: model.config, tokenizer: model.tokenizer },
    logprobs: () => Promise.reject(new PithError('PITH_CAPABILITY', 'no probabilities')),
  }
  const fallen = await compressCode(files, { ...options, model: silent })
  expect(fallen.text).toBe(without.text)
  expect(fallen.report.scorer).toBe('functions+statements')
  expect(fallen.report.warnings).toHaveLength(1)
  await model.close()
})

test('languages without a grammar, empty files and broken code lose nothing they should not', async () => {
  const files = [
    { path: 'a.unknown', text: 'some words\nand more of them\n'.repeat(20) },
    { path: 'empty.ts', text: '' },
    { path: 'broken.ts', text: 'function ( {{{ \n"unclosed\n'.repeat(10) },
    { path: 'b.py', text: '\ud800\ud800 = "😀" \n\tdef x(:\n' },
  ]
  for (const tokens of [0, 1, 20, 60]) {
    const result = await compressCode(files, { query: 'words', budget: { tokens }, parser })
    expect(counter.count(result.text)).toBeLessThanOrEqual(tokens)
  }
  expect((await compressCode([], { query: '', budget: { tokens: 5 }, parser })).text).toBe('')
})

test('real code of a library that wraps itself is seen into', async () => {
  const text = readFileSync(new URL('../../../../node_modules/lunr/lunr.js', import.meta.url), 'utf8')
  const units = await parser.outline('lunr.js', text)
  expect(units.filter(({ kind }) => kind === 'function').length).toBeGreaterThan(80)
  const result = await compressCode([{ path: 'lunr.js', text }], {
    query: 'tokenizer separator',
    budget: { tokens: 900 },
    parser,
  })
  expect(result.tokens).toBeGreaterThan(800)
  expect(await parser.errors(result.text, 'javascript')).toBe(0)
})

test('the knapsack is that of trying everything', () => {
  const items = fc.array(fc.tuple(fc.integer({ min: -2, max: 20 }), fc.integer({ min: 0, max: 30 })), { maxLength: 12 })
  fc.assert(
    fc.property(items, fc.integer({ min: 0, max: 120 }), (pairs, capacity) => {
      const [values, weights] = [pairs.map(([value]) => value), pairs.map(([, weight]) => weight)]
      const taken = knapsack(values, weights, capacity)
      const sum = (of: number[], mask: (i: number) => boolean): number =>
        of.reduce((s, v, i) => (mask(i) ? s + v : s), 0)
      let best = 0
      for (let mask = 0; mask < 1 << pairs.length; mask++) {
        const has = (i: number): boolean => ((mask >> i) & 1) === 1
        if (sum(weights, has) <= capacity) best = Math.max(best, sum(values, has))
      }
      expect(sum(weights, (i) => taken[i] === 1)).toBeLessThanOrEqual(capacity)
      expect(sum(values, (i) => taken[i] === 1)).toBe(best)
    }),
  )
  // Beyond the exact table the capacity still holds.
  const large = Array.from({ length: 200 }, (_, i) => 1000 + 37 * i)
  const taken = knapsack(large, large, 400_000)
  const weight = large.reduce((s, w, i) => (taken[i] === 1 ? s + w : s), 0)
  expect(weight).toBeLessThanOrEqual(400_000)
  expect(weight).toBeGreaterThan(350_000)
})
