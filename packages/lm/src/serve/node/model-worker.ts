/** The entry of the thread that runs the model of a server. */
import { serveTasks } from '@pith/core/workers'
import { modelTasks } from './model-tasks.ts'

serveTasks(modelTasks)
