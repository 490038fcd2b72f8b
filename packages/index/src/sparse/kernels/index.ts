export { search } from './taat.ts'
