/** The entry of workers. */
import { serveTasks } from '@pith/core/workers'
import { engineTasks } from './worker-tasks.ts'

serveTasks(engineTasks)
