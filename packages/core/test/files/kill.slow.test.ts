import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fingerprint, Random, readAll } from '@pith/core'
import { fileSource, openFolder, readLog } from '@pith/core/node'
import { expect, test } from 'vitest'

const KILLS = 200

/** Run the writer until it has said something, then kill it after a random number of turns of the event loop. */
async function writeAndKill(folder: string, start: number, random: Random): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--conditions=pith-dev', '--no-warnings', join(import.meta.dirname, 'writer.ts'), folder, String(start)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  await new Promise((done) => child.stdout.once('data', done))
  const exited = new Promise((done) => child.once('exit', done))
  setTimeout(() => child.kill('SIGKILL'), random.integer(60))
  await exited
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
}

const isWhole = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, 64)) === fingerprint(bytes.subarray(64))

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await fileSource(path)
  const bytes = await readAll(file)
  await file.close()
  return bytes
}

test(`${KILLS} kills leave whole files, whole folders and every flushed record`, async () => {
  const folder = await fs.mkdtemp(join(tmpdir(), 'pith-kill-'))
  const random = new Random(7)
  const seen = { file: 0, folder: 0 }
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const flushed = await writeAndKill(folder, kill * 1000, random)
      const names = await fs.readdir(folder)
      if (names.includes('file')) {
        expect(isWhole(await readWhole(join(folder, 'file')))).toBe(true)
        seen.file++
      }
      let records = 0
      for await (const record of readLog(join(folder, 'journal'))) {
        expect(record.length).toBeGreaterThanOrEqual(64)
        records++
      }
      expect(records).toBeGreaterThanOrEqual(flushed)
      if (names.includes('folder') && (await fs.readdir(join(folder, 'folder'))).includes('manifest.json')) {
        const snapshot = await openFolder(join(folder, 'folder'))
        await snapshot.verify()
        expect(snapshot.files.map((file) => file.name)).toEqual(['a', 'b'])
        seen.folder++
      }
    }
    expect(seen.file).toBeGreaterThan(KILLS / 2)
    expect(seen.folder).toBeGreaterThan(KILLS / 2)
  } finally {
    await fs.rm(folder, { recursive: true })
  }
})
