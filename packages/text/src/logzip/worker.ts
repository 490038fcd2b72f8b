import { serveTasks } from '@pith/core/workers'
import { logTasks } from './tasks.ts'

serveTasks(logTasks)
