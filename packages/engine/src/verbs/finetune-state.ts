/** The course of a fine-tuning, kept beside its checkpoints, so that an interrupted one goes on. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import { isRecord, parseJsonBytes } from '../io/json-text.ts'
import { listCheckpoints, loadCheckpoint, saveCheckpoint } from '../train/node/checkpoint.ts'
import type { TrainStep } from '../train/step.ts'
import type { FinetuneOptions } from './finetune-options.ts'
import type { Curve } from './loss-curve.ts'

const FILE = 'finetune.json'
const FORMAT = 'pith-finetune'
const VERSION = 1

/** What must be the same when a fine-tuning goes on, beside what the training itself checks. */
export type FinetuneSettings = Readonly<Record<string, string | number>>

/** A fine-tuning with its losses and its folder of checkpoints. */
export class FinetuneState {
  readonly #step: TrainStep
  readonly #folder: string | undefined
  readonly #settings: FinetuneSettings
  #losses: number[] = []

  private constructor(step: TrainStep, folder: string | undefined, settings: FinetuneSettings) {
    this.#step = step
    this.#folder = folder
    this.#settings = settings
  }

  /**
   * Begin, or go on from the newest checkpoint where that is asked for and there is one.
   *
   * @throws PithError `PITH_ARG` checkpoints that nobody asked to go on from, or of other settings · as `loadCheckpoint`
   */
  static async open(
    step: TrainStep,
    { checkpoint, resume }: Pick<FinetuneOptions, 'checkpoint' | 'resume'>,
    settings: FinetuneSettings,
  ): Promise<FinetuneState> {
    const state = new FinetuneState(step, checkpoint, settings)
    if (checkpoint === undefined || (await listCheckpoints(checkpoint)).length === 0) return state
    if (!resume) {
      throw new PithError('PITH_ARG', `${checkpoint} holds the checkpoints of a training`, {
        hint: 'Go on with it by --resume, or name another folder.',
      })
    }
    await state.#read(checkpoint)
    await loadCheckpoint(checkpoint, step)
    state.#losses = state.#losses.slice(0, step.counts.steps)
    return state
  }

  get curve(): Curve {
    return { losses: this.#losses, measured: this.#step.watched.measured }
  }

  addStep({ step, loss }: { readonly step: number; readonly loss: number }): void {
    this.#losses[step - 1] = loss
  }

  /** Write a checkpoint, and what belongs to it. */
  async save(): Promise<void> {
    if (this.#folder === undefined) return
    const content = {
      format: FORMAT,
      version: VERSION,
      settings: this.#settings,
      losses: this.#losses,
    }
    const bytes = new TextEncoder().encode(`${JSON.stringify(content)}\n`)
    // Ahead of the checkpoint: an end between the two leaves losses of updates that are done again, and not too few.
    await mkdir(this.#folder, { recursive: true })
    await writeAtomic(join(this.#folder, FILE), bytes, { force: true })
    await saveCheckpoint(this.#folder, this.#step)
  }

  async #read(folder: string): Promise<void> {
    const path = join(folder, FILE)
    let bytes: Uint8Array
    try {
      bytes = new Uint8Array(await readFile(path))
    } catch (cause) {
      throw new PithError('PITH_IO', `${path} can not be read`, { cause, hint: 'Begin anew in another folder.' })
    }
    const content = parseJsonBytes(bytes, FILE)
    if (!isRecord(content) || content['format'] !== FORMAT) throw damaged(path)
    const { version, settings, losses } = content
    if (version !== VERSION) {
      throw new PithError('PITH_VERSION', `${path} has another version than ${VERSION}`, { hint: 'Update pith.' })
    }
    if (!isRecord(settings) || !Array.isArray(losses)) throw damaged(path)
    for (const [name, own] of Object.entries(this.#settings)) {
      if (settings[name] === own) continue
      const other = String(JSON.stringify(settings[name])).slice(0, 40)
      throw new PithError('PITH_ARG', `${folder} is of a training with ${name} ${other}, not ${JSON.stringify(own)}`, {
        hint: 'Go on with the same settings, or name another folder.',
      })
    }
    this.#losses = losses.map((loss) => (typeof loss === 'number' ? loss : Number.NaN))
  }
}

function damaged(path: string): PithError {
  return new PithError('PITH_CORRUPT', `${path} is not what a fine-tuning leaves`, {
    hint: 'Begin anew in another folder.',
  })
}
