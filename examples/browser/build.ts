import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BundleOptions, bundlePage } from '../../scripts/browser/bundle-page.ts'

/** Write the page, its worker and what they need to a folder, which any web server can serve. */
export async function buildExample(folder: string, options: BundleOptions = {}): Promise<void> {
  const here = (name: string): URL => new URL(name, import.meta.url)
  await bundlePage({ page: here('page.ts'), worker: here('worker.ts') }, folder, options)
  await copyFile(here('index.html'), join(folder, 'index.html'))
}
