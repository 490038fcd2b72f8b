import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BundleOptions, bundlePage } from '../../scripts/browser/bundle-page.ts'

/** Write the pages, their workers and what they need to a folder, which any web server can serve. */
export async function buildExample(folder: string, options: BundleOptions = {}): Promise<void> {
  const here = (name: string): URL => new URL(name, import.meta.url)
  const names = ['page', 'worker', 'train', 'train-worker']
  await bundlePage(Object.fromEntries(names.map((name) => [name, here(`${name}.ts`)])), folder, options)
  for (const name of ['index.html', 'train.html']) await copyFile(here(name), join(folder, name))
}
