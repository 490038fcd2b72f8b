/** The entry of the thread that makes the caches of a server. */
import { serveTasks } from '@pith/core/workers'
import { encoderTasks } from './encoder-tasks.ts'

serveTasks(encoderTasks)
