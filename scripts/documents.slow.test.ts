import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { readTree } from './checks/tree.ts'
import { makeClone, runCommands, runPrograms, SLOW } from './documents/reader.ts'

const folders: string[] = []
const clone = () => {
  const folder = makeClone()
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

describe.each([...readTree(join(import.meta.dirname, '..'), SLOW)])('%s', (file, text) => {
  test('its commands run, one after the other, as they stand there', () => runCommands(file, text, clone()))
  test('its programs run', () => runPrograms(file, text, clone()))
})
