export { addRows, addTiles, softmax } from './tiles.ts'
