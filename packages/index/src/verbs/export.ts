/** `pith index export`. */
import { type Arguments, type CommandContext, numberOf, PithError, type Run, type Sink } from '@pith/core'
import { atomicFile } from '@pith/core/node'
import {
  type ExportQuery,
  type ExportShape,
  type IndexRows,
  indexRows,
  opensearchBulk,
  opensearchMapping,
  opensearchQuery,
  pgvectorQuery,
  pgvectorSql,
  qdrantQuery,
  qdrantRequests,
  sqliteVecQuery,
  sqliteVecSql,
} from '../adapters/index.ts'
import type { IndexReader } from '../store/index.ts'
import { exportIndex } from '../store/node/index.ts'
import { documents, runOf, withIndex } from './inputs.ts'

/** How another system takes documents, and what it is asked. */
interface System {
  /** Whether it takes sparse vectors. */
  readonly sparse: boolean
  write(rows: IndexRows, name: string, run: Run): AsyncIterable<string>
  ask(
    query: ExportQuery,
    k: number,
    shape: ExportShape,
    name: string,
  ): { readonly text: string; readonly report: object }
}

const SYSTEMS: Readonly<Record<string, System>> = {
  pgvector: {
    sparse: true,
    write: ({ rows, shape }, table, run) => pgvectorSql(rows(run), shape, { table }),
    ask(query, k, shape, table) {
      const report = pgvectorQuery(query, k, shape, { table })
      return { text: `${report.text.replaceAll('$1', `'${report.values[0]}'`)};`, report }
    },
  },
  'sqlite-vec': {
    sparse: false,
    write: ({ rows, shape }, table, run) => sqliteVecSql(rows(run), shape, { table }),
    ask(query, k, shape, table) {
      const { text, values } = sqliteVecQuery(query, k, shape, { table })
      const hex = Array.from(values[0] as Uint8Array, (byte) => byte.toString(16).padStart(2, '0')).join('')
      const whole = text.replace('?', `X'${hex}'`)
      return { text: `${whole};`, report: { text: whole } }
    },
  },
  qdrant: {
    sparse: true,
    async *write({ rows, shape }, collection, run) {
      for await (const request of qdrantRequests(rows(run), shape, { collection })) yield `${JSON.stringify(request)}\n`
    },
    ask(query, k, shape, collection) {
      const report = qdrantQuery(query, k, shape, { collection })
      return { text: JSON.stringify(report), report }
    },
  },
  opensearch: {
    sparse: true,
    write: ({ rows, shape }, index, run) => opensearchBulk(rows(run), shape, { index }),
    ask(query, k, shape) {
      const report = opensearchQuery(query, k, shape)
      return { text: JSON.stringify(report), report }
    },
  },
}

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const to = args.value('to') ?? 'pith'
  const system = SYSTEMS[to]
  const text = args.value('query')
  const name = args.value('name') ?? 'docs'
  const out = args.value('output')
  if (text === undefined && out === undefined && !(args.has('mapping') && to === 'opensearch')) {
    throw new PithError('PITH_ARG', 'option --output is missing', { hint: 'Name a file: --output docs.pith.' })
  }
  const own = runOf(args, context)
  return await withIndex(args, context, async (reader) => {
    if (system === undefined) {
      if (text !== undefined) throw new PithError('PITH_ARG', `--query needs --to ${Object.keys(SYSTEMS).join('|')}`)
      if (to === 'jsonl') return await write(args, context, out as string, lines(reader, own))
      const count = await exportIndex(reader, out as string, { force: args.has('force') }, own)
      return await say(context, out as string, count)
    }
    const rows = await indexRows(reader, { withoutSparse: !system.sparse }, own)
    if (args.has('mapping') && to === 'opensearch') return await showMapping(context, rows)
    if (text === undefined) return await write(args, context, out as string, system.write(rows, name, own))
    const k = args.has('count') ? numberOf(args, 'count', 1, 10_000, true) : 10
    const asked = system.ask(await rows.query(text, own), k, rows.shape, name)
    if (context.json) await context.report(asked.report)
    else await context.stdout.write(`${asked.text}\n`)
    return 0
  })
}

/** Documents as lines that the reader of JSONL takes. */
async function* lines(reader: IndexReader, own: Run): AsyncGenerator<string, void, undefined> {
  for await (const { id, title, text, fields, vector, sparse } of reader.documents(own)) {
    const row = { id, title, text, ...fields, vector: vector === undefined ? undefined : [...vector], sparse }
    yield `${JSON.stringify(row)}\n`
  }
}

async function write(
  args: Arguments,
  context: CommandContext,
  out: string,
  pieces: AsyncIterable<string>,
): Promise<number> {
  if (out === '-') {
    for await (const piece of pieces) await context.stdout.write(piece)
    return 0
  }
  const sink: Sink = await atomicFile(out, { force: args.has('force'), signal: context.signal })
  const encoder = new TextEncoder()
  try {
    for await (const piece of pieces) await sink.write(encoder.encode(piece))
    await sink.close()
  } catch (error) {
    await sink.abort(error).catch(() => {})
    throw error
  }
  if (context.json) await context.report({ out })
  else if (!context.quiet) await context.stdout.write(`${out} is written\n`)
  return 0
}

async function say(context: CommandContext, out: string, count: number): Promise<number> {
  if (context.json) await context.report({ out, documents: count })
  else if (!context.quiet) await context.stdout.write(`${out}: ${documents(count)}\n`)
  return 0
}

async function showMapping(context: CommandContext, { shape }: IndexRows): Promise<number> {
  await context.stdout.write(`${JSON.stringify(opensearchMapping(shape))}\n`)
  return 0
}
