/** What workers of the engine do; each part loads when it is first asked for. */
import type { TaskContext } from '@pith/core/workers'
import type { LongWork } from './linalg/long-work.ts'
import type { Backend } from './runtime/backend.ts'
import type { RuntimeOptions } from './runtime/load.ts'
import type { OpenRequest, RunRequest, SessionSpecs } from './runtime/session-tasks.ts'
import type { WireTensor } from './runtime/wire.ts'
import type { BatchRequest, TrainingRequest } from './train/gradient-tasks.ts'

const trainings = () => import('./train/gradient-tasks.ts')
const decompositions = () => import('./linalg/long-tasks.ts')
const sessions = () => import('./runtime/session-tasks.ts')

export const engineTasks = {
  describeRuntime: async (runtime: RuntimeOptions): Promise<Pick<Backend, 'name' | 'notes'>> =>
    (await sessions()).describeRuntime(runtime),
  openSession: async (request: OpenRequest): Promise<SessionSpecs> => (await sessions()).openSession(request),
  runSession: async (request: RunRequest, context: TaskContext): Promise<Record<string, WireTensor> | undefined> =>
    (await sessions()).runSession(request, context),
  openTraining: async (request: TrainingRequest): Promise<void> => (await trainings()).openTraining(request),
  runTraining: async (request: BatchRequest): Promise<Record<string, WireTensor> | undefined> =>
    (await trainings()).runTraining(request),
  advanceLong: async (work: LongWork, context: TaskContext): Promise<{ work: LongWork; isFinished: boolean }> =>
    (await decompositions()).advanceLong(work, context),
  closeSession: async (key: number): Promise<void> => (await sessions()).closeSession(key),
}
