/** What the workers of a build do. */
import { Random } from '@pith/core'
import type { TaskContext } from '@pith/core/workers'
import { BlockMaker } from './blocks.ts'
import type { Forward } from './forward.ts'
import type { BuildSettings } from './options.ts'
import { ByteList, SummaryMaker } from './summaries.ts'

/** What all lists of a build share. */
export interface CutSetting {
  readonly forward: Forward
  /** Components of its rows. */
  readonly dim: number
  readonly settings: BuildSettings
  readonly seed: number
}

/** Lists to cut: list `first + i` is `rows[starts[i]] .. rows[starts[i + 1]]`. */
export interface CutRequest {
  readonly first: number
  readonly starts: Uint32Array
  readonly rows: Uint32Array
}

/** Lists that were cut, behind each other. */
export interface CutLists {
  /** Groups of each list. */
  readonly groups: Uint32Array
  /** Blocks of each group. */
  readonly blocks: Uint32Array
  /** Rows of each block. */
  readonly sizes: Uint32Array
  readonly rows: Uint32Array
  /** Bytes of the table of each group. */
  readonly tableSizes: Uint32Array
  readonly tables: Uint8Array
}

/** Cuts lists into blocks. */
export class ListCutter {
  readonly #blocks: BlockMaker
  readonly #summaries: SummaryMaker
  readonly #root: Random

  constructor({ forward, dim, settings, seed }: CutSetting) {
    this.#blocks = new BlockMaker(forward, dim, settings)
    this.#summaries = new SummaryMaker(forward, dim, settings.energy)
    this.#root = new Random(seed)
  }

  cut({ first, starts, rows }: CutRequest): CutLists {
    const groups = new Uint32Array(starts.length - 1)
    const blocks: number[] = []
    const sizes: number[] = []
    const tableSizes: number[] = []
    const out = new Uint32Array(rows.length)
    const tables = new ByteList()
    let used = 0
    for (let list = 0; list < groups.length; list++) {
      const own = rows.subarray(starts[list] as number, starts[list + 1] as number)
      const cut = this.#blocks.cut(own, this.#root.split(first + list))
      let inGroup = 0
      const finishGroup = (): void => {
        groups[list]++
        blocks.push(inGroup)
        tableSizes.push(this.#summaries.finish(tables))
        inGroup = 0
      }
      for (const block of cut) {
        if (!this.#summaries.add(block)) {
          finishGroup()
          this.#summaries.add(block)
        }
        out.set(block, used)
        used += block.length
        sizes.push(block.length)
        inGroup++
      }
      if (inGroup > 0) finishGroup()
    }
    return {
      groups,
      blocks: Uint32Array.from(blocks),
      sizes: Uint32Array.from(sizes),
      rows: out,
      tableSizes: Uint32Array.from(tableSizes),
      tables: tables.bytes.slice(0, tables.length),
    }
  }
}

/** What a worker is sent: the build, known by its number, and some of its lists. */
export interface CutTask extends CutRequest {
  readonly build: number
  readonly setting: CutSetting
}

/** The build that this worker serves. */
let current: { readonly build: number; readonly cutter: ListCutter } | undefined

export const seismicTasks = {
  cut({ build, setting, ...request }: CutTask, context: TaskContext): CutLists {
    if (current?.build !== build) current = { build, cutter: new ListCutter(setting) }
    const lists = current.cutter.cut(request)
    context.transfer([lists.tables.buffer as ArrayBuffer, lists.rows.buffer as ArrayBuffer])
    return lists
  },
}
