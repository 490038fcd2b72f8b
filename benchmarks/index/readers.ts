/** What readers make of the original files, against the collections that were converted apart. */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { IndexDocument, IndexQuery } from '@pith/index'
import { openCollection } from '@pith/index/readers/node'
import type { AcceptContext } from '../measure/accept.ts'
import { dataFolder } from '../measure/data.ts'

/** ADI's SMART files and its BEIR folder say the same; all collections are read in whole. */
export async function acceptReaders(context: AcceptContext): Promise<void> {
  const folder = join(dataFolder() ?? '', 'index')
  const [smart, beir] = await Promise.all(['adi/smart', 'adi'].map((name) => openCollection(join(folder, name))))
  if (smart === undefined || beir === undefined) return
  const [own, wanted] = [await gather(smart.documents()), await gather(beir.documents())]
  const same = own.filter((document, i) => sameText(document, wanted[i])).length
  context.check('adi: documents of SMART files as converted', same === 82 && wanted.length === 82, `${same} of 82`)
  const [asked, wantedQueries] = [await gather(queriesOf(smart)), await gather(queriesOf(beir))]
  context.check(
    'adi: queries of SMART files as converted',
    isDeepStrictEqual(asked, wantedQueries),
    `${asked.length} of 35`,
  )
  const judged = isDeepStrictEqual(await smart.qrels?.(), await beir.qrels?.())
  context.check('adi: judgements of SMART files as converted', judged, judged ? 'alike' : 'others')
  const counts = { cranfield: [1398, 225], cacm: [3204, 52], npl: [11426, 93], med: [1033, 30] }
  for (const [name, [documents, queries]] of Object.entries(counts)) {
    const collection = await openCollection(join(folder, name))
    const ids = new Set((await gather(collection.documents())).map(({ id }) => id))
    const qrels = (await collection.qrels?.())?.size
    const ok = ids.size === documents && qrels === queries
    context.check(`${name}: documents and judged queries`, ok, `${ids.size} and ${qrels} (${documents} and ${queries})`)
  }
  const toy = await gather((await openCollection(join(folder, 'splade-toy'))).documents())
  const empty = toy.filter(({ sparse }) => Object.keys(sparse ?? {}).length === 0).length
  context.check(
    'splade-toy: documents, and those of an empty vector',
    toy.length === 20 && empty === 1,
    `${toy.length}, ${empty}`,
  )
}

function sameText(a: IndexDocument, b: IndexDocument | undefined): boolean {
  return a.id === b?.id && a.text === b.text && (a.title ?? '') === (b.title ?? '')
}

async function* queriesOf(
  collection: Awaited<ReturnType<typeof openCollection>>,
): AsyncGenerator<IndexQuery, void, undefined> {
  if (collection.queries !== undefined) yield* collection.queries()
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
