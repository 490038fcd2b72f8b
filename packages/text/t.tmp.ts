import { readFileSync } from 'node:fs'
import { HeldEntry, collectBytes } from '@pith/core/testing'
import { toSource, equalBytes } from '@pith/core'
import { logzipCodec } from '@pith/text/logzip'
for (const f of process.argv.slice(2)) {
const e = new HeldEntry(logzipCodec)
const b = readFileSync(f)
await logzipCodec.encode(toSource(b), e, { level: 'default' })
const ok = equalBytes(await collectBytes(logzipCodec.decode(e.reader())), b)
const r = await logzipCodec.open!(e.reader())
console.log(f.split('/').at(-1), b.length, e.storedBytes, ok)
for await (const c of r.facts()) console.log(c.columns.slice(0, 6).map(c => c.kind).join(' '))
}
