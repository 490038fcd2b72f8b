import { parentChannel } from '#worker-platform'
import { PithError } from '../errors.ts'
import { errorToWire, isRequest } from './messages.ts'
import type { Movable } from './platform.ts'

/** What a task gets beside its payload. */
export interface TaskContext {
  /** Move these with the result instead of copying them. */
  transfer(movables: readonly Movable[]): void
}

/** A unit of work; payload and result must survive structured cloning. */
export type Task = (
  // biome-ignore lint/suspicious/noExplicitAny: the payload's type is each task's own; `never` would refuse every call.
  payload: any,
  context: TaskContext,
) => unknown

/** Tasks by name. */
export type Tasks = Readonly<Record<string, Task>>

/**
 * Answer a pool's calls: the one statement of a worker's entry module. Outside of a worker of a pool it does nothing.
 *
 * @param tasks  the tasks, or how to make them ready; calls that come before they are wait
 */
export function serveTasks(tasks: Tasks | (() => Promise<Tasks>)): void {
  const parent = parentChannel()
  if (parent === undefined) return
  let table: Promise<Tasks> | undefined
  parent.listen((message) => {
    if (!isRequest(message)) return
    const { id } = message
    const movables: Movable[] = []
    table ??= typeof tasks === 'function' ? tasks() : Promise.resolve(tasks)
    table
      .then((loaded) =>
        runTask(loaded, message.task, message.payload, { transfer: (list) => void movables.push(...list) }),
      )
      .then((result) => parent.post({ pith: 'result', id, result }, movables))
      .catch((error: unknown) => parent.post({ pith: 'error', id, error: errorToWire(error) }, []))
      .finally(() => {
        if (parent.busy === undefined) return
        Atomics.sub(parent.busy, 0, 1)
        Atomics.notify(parent.busy, 0)
      })
  })
}

/** Run one task of a table here. */
export async function runTask(tasks: Tasks, name: string, payload: unknown, context: TaskContext): Promise<unknown> {
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined
  if (task === undefined) throw new PithError('PITH_ARG', `the worker has no task ${JSON.stringify(name)}`)
  return await task(payload, context)
}
