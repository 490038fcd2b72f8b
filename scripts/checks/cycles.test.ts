import { expect, test } from 'vitest'
import { checkCycles } from './cycles.ts'

function circles(files: Readonly<Record<string, string>>): string[] {
  return checkCycles(new Map(Object.entries(files))).map((finding) => finding.rule)
}

test('a circle is found and shown', () => {
  const files = {
    'a.ts': "import { B } from './b.ts'\n",
    'b.ts': "export { C } from './c.ts'\n",
    'c.ts': "export * from './a.ts'\n",
  }
  expect(circles(files)).toEqual(['a circle of imports: a.ts -> b.ts -> c.ts -> a.ts'])
})

test('types and imports at run time close no circle', () => {
  const files = {
    'a.ts': "import { B } from './b.ts'\nimport type { C } from './c.ts'\n",
    'b.ts': "import { type A } from './a.ts'\nexport const B = () => import('./a.ts')\n",
    'c.ts': "export type { A } from './a.ts'\nimport './b.ts'\n",
  }
  expect(circles(files)).toEqual([])
})
