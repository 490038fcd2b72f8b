import { join } from 'node:path'
import { fingerprint, Random } from '@pith/core'
import { atomicFolder, openLog, writeAtomic } from '@pith/core/node'

/** Writes for ever, until it is killed; all that it writes can be checked by itself. */
const [folder, start] = [process.argv[2], Number(process.argv[3])]

/** Bytes that begin with their own hash. */
function checkable(seed: number): Uint8Array {
  const random = new Random(seed)
  const body = new Uint8Array(20_000 + random.integer(200_000)).map(() => random.u32())
  const bytes = new Uint8Array(64 + body.length)
  bytes.set(new TextEncoder().encode(fingerprint(body)))
  bytes.set(body, 64)
  return bytes
}

const log = await openLog(join(folder, 'journal'))
process.stdout.write(`${log.count}\n`)
for (let round = start; ; round++) {
  const bytes = checkable(round)
  await writeAtomic(join(folder, 'file'), bytes, { force: true })
  await log.append(bytes.subarray(0, 64 + (round % 1000)))
  await log.flush()
  // Said after the flush: at least so many records must be there after a kill.
  process.stdout.write(`${log.count}\n`)
  const change = await atomicFolder(join(folder, 'folder'), { mode: 'update' })
  for (const name of ['a', 'b']) {
    const sink = await change.create(name)
    await sink.write(bytes)
    await sink.close()
  }
  await change.commit()
}
