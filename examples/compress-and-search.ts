// Compress a log in memory, then ask it something without unpacking it: node examples/compress-and-search.ts
import { readFileSync } from 'node:fs'
import { compressLog, openLog } from '@pith/text/logzip'

const log = readFileSync(new URL('./sample/access.log', import.meta.url))
const pieces: Uint8Array[] = []
for await (const piece of compressLog(log)) pieces.push(piece)
const packed = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer())
console.log(`${log.length} bytes became ${packed.length}`)

const reader = await openLog(packed)
for await (const { lines, bytes } of reader.grep({ patterns: ['" 50[0-9] '] })) {
  console.log(`${lines.length} lines, first line ${(lines[0] ?? 0) + 1}:`)
  console.log(new TextDecoder().decode(bytes).split('\n')[0])
}
await reader.close()
