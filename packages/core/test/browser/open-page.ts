import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileServer, serveFiles } from '@pith/core/node/http'
import { chromium, type Page } from 'playwright-core'
import { rolldown } from 'rolldown'

/** A page in Chromium with bundled scripts, on a server of its own that counts. */
export interface TestPage {
  readonly page: Page
  readonly server: FileServer
  /** Folder that is served. */
  readonly folder: string
  close(): Promise<void>
}

/**
 * Bundle modules for the browser, each to `NAME.js` of a served folder, and open a page that runs the one called `page`.
 *
 * @param entries  addresses of modules by name
 */
export async function openPage(entries: Readonly<Record<string, URL>>): Promise<TestPage> {
  const folder = await fs.mkdtemp(join(tmpdir(), 'pith-page-'))
  for (const [name, url] of Object.entries(entries)) {
    const bundle = await rolldown({
      input: url.pathname,
      platform: 'browser',
      logLevel: 'silent',
      resolve: { conditionNames: ['pith-dev', 'browser', 'import', 'default'] },
    })
    await bundle.write({ file: join(folder, `${name}.js`), format: 'esm', codeSplitting: false })
    await bundle.close()
  }
  await fs.writeFile(join(folder, 'index.html'), '<!doctype html><script type="module" src="page.js"></script>')
  const server = await serveFiles({ root: folder })
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
  const page = await browser.newPage()
  await page.goto(server.url)
  return {
    page,
    server,
    folder,
    async close() {
      await browser.close()
      await server.close()
      await fs.rm(folder, { recursive: true })
    },
  }
}
