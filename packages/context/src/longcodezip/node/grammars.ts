import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PithError } from '@pith/core'
import type { GrammarSource } from '../parse.ts'

const require = createRequire(import.meta.url)

/** The grammars that were installed with this package. */
export const installedGrammars: GrammarSource = {
  runtime: () => read('web-tree-sitter/tree-sitter.wasm'),
  grammar: (language) => read(`tree-sitter-wasms/out/tree-sitter-${language}.wasm`),
}

async function read(module: string): Promise<Uint8Array> {
  try {
    return await readFile(require.resolve(module))
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', `${module} is not installed`, {
      hint: 'Run npm install web-tree-sitter tree-sitter-wasms.',
      cause,
    })
  }
}
