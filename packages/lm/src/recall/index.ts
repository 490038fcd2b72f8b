/** Tasks that show whether a model remembers what stands in its context. */
export {
  MIN_ROW,
  RECALL_TASKS,
  type RecallOptions,
  type RecallRow,
  type RecallTask,
  recallRow,
  repeatsRow,
  type Span,
  type TextSource,
} from './tasks.ts'
export { NOUNS, type RecallWords, recallWords, type TaskTokenizer } from './words.ts'
