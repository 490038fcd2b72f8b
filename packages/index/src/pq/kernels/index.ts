export { dotF16, dotF32, dotI8 } from './dots.ts'
export { bounded4, fast4, hamming } from './fast.ts'
export { nearest, packPanels, product, tables } from './products.ts'
export { above, sums4, sums8 } from './sums.ts'
