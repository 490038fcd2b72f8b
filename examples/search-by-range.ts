// Search a compressed log on a web server, reading only the ranges that can hold a hit: node examples/search-by-range.ts
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { httpSource } from '@pith/core'
import { atomicFile } from '@pith/core/node'
import { serveFiles } from '@pith/core/node/http'
import { compressLog, openLog } from '@pith/text/logzip'

const folder = mkdtempSync(join(tmpdir(), 'pith-example-'))
try {
  // The sample is small; eight days of it make a log of 15 MB.
  const day = readFileSync(new URL('./sample/access.log', import.meta.url), 'latin1')
  const days = [11, 12, 13, 14, 15, 16, 17, 18].map((date) => day.replaceAll('[23/Nov/', `[${date}/Nov/`))
  const file = await atomicFile(join(folder, 'access.log.pith'))
  const log = new Blob([Buffer.from(days.join(''), 'latin1')])
  for await (const piece of compressLog(log, { level: 'fast', chunkBytes: 2 ** 20 })) await file.write(piece)
  await file.close()

  const server = await serveFiles({ root: folder })
  const source = await httpSource(`${server.url}access.log.pith`)
  const reader = await openLog(source)
  const ask = async (what: string, count: Promise<number>) => {
    const before = { requests: source.requests, bytes: source.bytes }
    console.log(`${what}: ${await count} lines`)
    const bytes = source.bytes - before.bytes
    console.log(`  ${source.requests - before.requests} requests, ${bytes} of ${source.size} bytes`)
  }
  await ask('a word that no line has', reader.count({ patterns: ['FATAL'], fixed: true }))
  const since = Date.UTC(2026, 10, 14)
  const until = Date.UTC(2026, 10, 15)
  await ask('502 on one day', reader.count({ patterns: [' 502 '], fixed: true, since, until }))
  await reader.close()
  await server.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
