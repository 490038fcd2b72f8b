import { serveTasks } from '@pith/core/workers'
import { loadTasks } from './tasks.ts'

serveTasks(loadTasks)
