import { serveTasks } from '@pith/core/workers'
import { seismicTasks } from './tasks.ts'

serveTasks(seismicTasks)
