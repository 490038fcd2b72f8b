/** A model in a thread of its own, so that its program answers while it writes. */
import { MessageChannel } from 'node:worker_threads'
import { onAbort, PithError } from '@pith/core'
import { createPool, type Movable, type Pool, siblingUrl } from '@pith/core/workers'
import type { ModelFacts, ModelSource, WritingEvent, WritingJob } from '../messages.ts'
import { TurnQueue } from '../queue.ts'
import type { modelTasks } from './model-tasks.ts'

/** Requests that may wait for the model, if no other number is given. */
const DEFAULT_WAITING = 64

/** A model that others ask. */
export class ModelHost {
  readonly facts: ModelFacts
  readonly #pool: Pool<typeof modelTasks>
  readonly #source: ModelSource
  readonly #queue: TurnQueue
  readonly #ending: AbortController = new AbortController()

  private constructor(pool: Pool<typeof modelTasks>, source: ModelSource, facts: ModelFacts, waiting: number) {
    this.#pool = pool
    this.#source = source
    this.facts = facts
    this.#queue = new TurnQueue(waiting)
  }

  /**
   * Load a model in a thread; close it when it is no longer needed.
   *
   * @param waiting requests that may wait; more are refused. Default 64
   * @throws PithError as `loadLm`, and `PITH_CAPABILITY` it has no tokenizer, or the store of prefixes is not there
   */
  static async open(source: ModelSource, { waiting = DEFAULT_WAITING }: { waiting?: number } = {}): Promise<ModelHost> {
    if (!(Number.isInteger(waiting) && waiting >= 0)) {
      throw new PithError('PITH_ARG', `waiting must be 0 or more, got ${waiting}`)
    }
    const pool = createPool<typeof modelTasks>({
      url: siblingUrl('model-worker', import.meta.url),
      tasks: async () => (await import('./model-tasks.ts')).modelTasks,
      threads: 1,
      apart: true,
      // To end a thread within the native library aborts the program.
      gentle: true,
    })
    try {
      return new ModelHost(pool, source, await pool.run('describe', source), waiting)
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.waiting
  }

  /**
   * Write a text, when those that came before are done. Leaving early gives it up at the next token.
   *
   * @throws PithError `PITH_LOCKED` too many wait · `PITH_ARG` · `PITH_LIMIT` a prompt that is too long · the abort reason
   */
  async *write(job: WritingJob, given?: AbortSignal): AsyncGenerator<WritingEvent, void, undefined> {
    const ending = this.#ending.signal
    const signal = given === undefined ? ending : AbortSignal.any([given, ending])
    const leave = await this.#queue.enter(signal)
    const { port1, port2 } = new MessageChannel()
    const events: WritingEvent[] = []
    let wake = (): void => {}
    let failure: { error: unknown } | undefined
    let isOver = false
    const giveUp = (): void => port1.postMessage('abort')
    port1.on('message', (event: WritingEvent) => {
      events.push(event)
      wake()
    })
    const forget = onAbort(signal, giveUp)
    const work = this.#pool
      .run('write', { source: this.#source, job, port: port2 as never }, { transfer: [port2 as unknown as Movable] })
      .catch((error: unknown) => {
        failure = { error: signal.aborted ? signal.reason : error }
        wake()
      })
      // A client that takes its time must not keep others from the model.
      .finally(leave)
    try {
      while (!isOver) {
        const event = events.shift()
        if (event !== undefined) {
          isOver = event.kind === 'end'
          yield event
        } else if (failure !== undefined) throw failure.error
        else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    } finally {
      forget()
      if (!isOver) giveUp()
      await work
      port1.close()
    }
  }

  /** Give up what is under way, and end the thread when its store has written what it holds. */
  async close(): Promise<void> {
    if (!this.#ending.signal.aborted) {
      this.#ending.abort(new PithError('PITH_LOCKED', 'the model is closed'))
      // What cannot be written costs time another day.
      await this.#pool.run('close', undefined).catch(() => {})
    }
    await this.#pool.close()
  }
}
