import { serveTasks } from '@pith/core/workers'
import { tasks } from './tasks.ts'

serveTasks(tasks)
