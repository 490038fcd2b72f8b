export { addOutliers, addRows, addTiles, softmax } from './tiles.ts'
