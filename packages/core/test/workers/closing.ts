import { createPool, siblingUrl } from '@pith/core/workers'
import { tasks } from './tasks.ts'

// Nothing else keeps the program alive while it waits for the end of idle workers.
const url = siblingUrl('worker', import.meta.url)
for (const mode of ['thread', 'process'] as const) {
  const pool = createPool({ url, tasks, threads: 1, apart: true, mode })
  await pool.run('double', 1)
  await pool.close()
}
process.stdout.write('true')
