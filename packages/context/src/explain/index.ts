export { type BreakEven, breakEven, type Prices } from './break-even.ts'
export { type Mark, marksOf } from './marks.ts'
export { explainPage } from './page.ts'
