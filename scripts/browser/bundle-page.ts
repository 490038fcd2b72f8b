/** Modules and what they import, as a browser loads them. */
import { rolldown } from 'rolldown'

/** How modules are bundled. */
export interface BundleOptions {
  /** Use the packages' sources instead of what was built; default true. */
  development?: boolean
  /** Default false. */
  minify?: boolean
}

/** One file of a bundle. */
export interface BundledFile {
  readonly name: string
  readonly bytes: number
}

/**
 * Bundle modules for the browser, each to `NAME.js` of a folder; what they share, and WebAssembly, goes beside them.
 *
 * @param entries  addresses of modules by name
 */
export async function bundlePage(
  entries: Readonly<Record<string, URL>>,
  folder: string,
  options: BundleOptions = {},
): Promise<BundledFile[]> {
  const { development = true, minify = false } = options
  const bundle = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, url]) => [name, url.pathname])),
    platform: 'browser',
    logLevel: 'warn',
    // Takes the files that modules name by `new URL('x', import.meta.url)` along.
    experimental: { resolveNewUrlToAsset: true },
    resolve: { conditionNames: [...(development ? ['pith-dev'] : []), 'browser', 'import', 'default'] },
  })
  const { output } = await bundle.write({
    dir: folder,
    format: 'esm',
    minify,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    assetFileNames: '[name]-[hash][extname]',
  })
  await bundle.close()
  return output.map((file) => ({
    name: file.fileName,
    bytes: Buffer.byteLength(file.type === 'chunk' ? file.code : file.source),
  }))
}
