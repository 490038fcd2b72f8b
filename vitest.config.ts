import { defineConfig } from 'vitest/config'

/** Packages find each other's sources by this condition, so tests need no build. */
const CONDITIONS: string[] = ['pith-dev', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions: CONDITIONS },
  ssr: { resolve: { conditions: CONDITIONS } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'scripts/**/*.test.ts', 'benchmarks/**/*.test.ts'],
    exclude: ['**/*.slow.test.ts', '**/node_modules/**', '**/dist/**'],
    execArgv: ['--conditions=pith-dev'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
