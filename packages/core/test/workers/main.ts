import { createPool, siblingUrl } from '@pith/core/workers'
import { tasks } from './tasks.ts'

// Nothing is closed: idle workers must not keep the program alive.
const url = siblingUrl('worker', import.meta.url)
const results: unknown[] = [url.pathname.slice(url.pathname.lastIndexOf('.'))]
for (const mode of ['thread', 'process'] as const) {
  const pool = createPool({ url, tasks, threads: 2, mode })
  results.push(await Promise.all([1, 2, 3].map((n) => pool.run('double', n))))
}
process.stdout.write(JSON.stringify(results))
