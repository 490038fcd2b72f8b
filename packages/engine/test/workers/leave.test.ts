import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('a program may exit while a worker is within the native library: it is not aborted', async () => {
  const program = join(import.meta.dirname, 'leave.ts')
  const run = promisify(execFile)(process.execPath, ['--conditions=pith-dev', '--no-warnings', program], { env: {} })
  await expect(run).rejects.toMatchObject({ code: 7, stderr: '' })
})
