/** Places for tests to write to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A path at which nothing stands, in a folder that goes with the test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pith-index-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'x.pith')
}
