/** Changes an index until it is killed, or leaves at once. Says what it begins and what was acknowledged, a line each. */
import type { IndexDocument } from '@pith/index'
import { type Durability, openWriter } from '@pith/index/store/node'
import { changesOf, textOf } from './store-changes.ts'

const [path = '', first = '0', durability = 'group'] = process.argv.slice(2)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
const writer = await openWriter(path, {
  durability: durability as Durability,
  flushDocuments: 30,
  mergeFactor: 2,
})
say('open')
for (let round = Number(first); durability !== 'none'; round++) {
  const { added, deleted, kind } = changesOf(round)
  say(`begin ${round}`)
  if (kind === 'add') {
    await writer.add(added.map((id): IndexDocument => ({ id, text: textOf(id, round), fields: { round } })))
  } else if (kind === 'delete') await writer.delete(deleted)
  else if (kind === 'flush') await writer.flush()
  else await writer.merge()
  say(`done ${round}`)
}
await writer.close()
