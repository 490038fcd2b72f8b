export { type AnswerOptions, type AnswerRow, type AnswersKept, hasAnswer, measureAnswers } from './answers.ts'
