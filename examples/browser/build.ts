import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BundleOptions, bundlePage } from '../../scripts/browser/bundle-page.ts'

/** Each page and its modules. */
const PAGES = {
  'index.html': ['page', 'worker'],
  'train.html': ['train', 'train-worker'],
  'search.html': ['search'],
} as const

/** Which pages are built, and how. */
export interface ExampleOptions extends BundleOptions {
  /** Default all. */
  readonly pages?: readonly (keyof typeof PAGES)[]
}

/** Write pages, their workers and what they need to a folder, which any web server can serve. */
export async function buildExample(folder: string, options: ExampleOptions = {}): Promise<void> {
  const { pages = Object.keys(PAGES) as (keyof typeof PAGES)[], ...bundle } = options
  const here = (name: string): URL => new URL(name, import.meta.url)
  const names = pages.flatMap((page) => PAGES[page])
  await bundlePage(Object.fromEntries(names.map((name) => [name, here(`${name}.ts`)])), folder, bundle)
  for (const page of pages) await copyFile(here(page), join(folder, page))
}
