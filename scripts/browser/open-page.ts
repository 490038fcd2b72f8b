/** A page in Debian's Chromium, for tests. */
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileServer, serveFiles } from '@pith/core/node/http'
import { chromium, type Page } from 'playwright-core'
import { bundlePage } from './bundle-page.ts'

/** A page in Chromium, on a server of its own that counts. */
export interface TestPage {
  readonly page: Page
  readonly server: FileServer
  /** Folder that is served. */
  readonly folder: string
  /** What the page wrote to its console as an error, threw, or could not load. */
  readonly errors: readonly string[]
  /** Addresses that the page asked for. */
  readonly requested: readonly string[]
  close(): Promise<void>
}

/** How a page is opened. */
export interface PageOptions {
  /** Whether the page is isolated from other origins, so that it may use threads. Default false. */
  isIsolated?: boolean
  /** `software`: WebGPU computed by the processor. Default `none`. */
  gpu?: 'none' | 'software'
  /** File that is opened. Default `index.html`. */
  file?: string
}

const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

const GPU_FLAGS = {
  none: ['--disable-gpu'],
  software: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
}

/** Open an empty page that runs the bundled module called `page`; the other entries stand beside it as `NAME.js`. */
export async function openPage(entries: Readonly<Record<string, URL>>, options: PageOptions = {}): Promise<TestPage> {
  return await openFolder(async (folder) => {
    await bundlePage(entries, folder)
    await fs.writeFile(
      join(folder, 'index.html'),
      '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>',
    )
  }, options)
}

/** Open a page of a folder that `fill` writes. */
export async function openFolder(
  fill: (folder: string) => Promise<void>,
  { isIsolated = false, gpu = 'none', file = '' }: PageOptions = {},
): Promise<TestPage> {
  const folder = await fs.mkdtemp(join(tmpdir(), 'pith-page-'))
  await fill(folder)
  const server = await serveFiles({ root: folder, headers: isIsolated ? ISOLATED : {} })
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', ...GPU_FLAGS[gpu]],
  })
  const page = await browser.newPage()
  const errors: string[] = []
  const requested: string[] = []
  page.on('request', (request) => requested.push(request.url()))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(`${server.url}${file}`)
  return {
    page,
    server,
    folder,
    errors,
    requested,
    async close() {
      await browser.close()
      await server.close()
      await fs.rm(folder, { recursive: true })
    },
  }
}
