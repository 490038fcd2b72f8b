import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** The large counts: fuzzing, kills, packed installs. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['packages/*/{src,test}/**/*.slow.test.ts', 'scripts/**/*.slow.test.ts', 'benchmarks/**/*.slow.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})
