export { search } from './search.ts'
export { scoreWhole } from './whole.ts'
