import { serveTasks } from '@pith/core/workers'
import { pqTasks } from './tasks.ts'

serveTasks(pqTasks)
