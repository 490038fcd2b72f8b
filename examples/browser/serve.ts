// Pages that search .pith files and train a network, all on the computer they run on: node examples/browser/serve.ts [PORT]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveFiles } from '@pith/core/node/http'
import { buildExample } from './build.ts'

const folder = await mkdtemp(join(tmpdir(), 'pith-page-'))
await buildExample(folder, { development: false, minify: true })
const server = await serveFiles({ root: folder, port: Number(process.argv[2] ?? 8080) })
console.log(
  `open ${server.url} and drop a .pith file, ${server.url}train.html trains a network, ${server.url}search.html?index=NAME searches an index beside it; Ctrl-C ends`,
)
process.once('SIGINT', async () => {
  await server.close()
  await rm(folder, { recursive: true })
})
