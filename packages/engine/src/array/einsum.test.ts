import { describeCases, given } from '../../test/array/cases.ts'
import { sumProducts } from '../../test/array/plain-arrays.ts'
import * as ops from './ops.ts'

for (const [equation, ...shapes] of [
  ['ij,jk->ik', [2, 3], [3, 4]],
  ['ij,jk->ki', [2, 3], [3, 4]],
  ['bqd,bkd->bqk', [2, 3, 4], [2, 5, 4]],
  ['bdq,bkd->bqk', [2, 4, 3], [2, 5, 4]],
  ['bqhd,bkhd->bhqk', [2, 3, 2, 4], [2, 5, 2, 4]],
  ['bhqk,bkhd->bqhd', [2, 2, 3, 5], [2, 5, 2, 4]],
  ['i,i->', [4], [4]],
  ['i,j->ij', [4], [3]],
  ['ij,ij->ij', [2, 3], [2, 3]],
  ['ij->ji', [2, 3]],
  ['ijk->j', [2, 3, 4]],
  ['ii->i', [3, 3]],
  ['ii->', [3, 3]],
  ['iji->ji', [3, 2, 3]],
  ['ij,k->j', [2, 3], [4]],
  ['ab,bc,cd->ad', [2, 3], [3, 4], [4, 2]],
  ['abc,ad,be->cde', [2, 3, 4], [2, 2], [3, 3]],
  ['ij,j->ij', [3, 4], [1]],
  ['ijkl,klmn->ijmn', [2, 3, 2, 2], [2, 2, 3, 2]],
] as [string, ...number[][]][]) {
  const [left = '', right = ''] = equation.split('->')
  given(
    `einsum ${equation}`,
    shapes,
    (...xs) => ops.einsum(equation, ...xs),
    (...xs) => sumProducts(left.split(','), right, xs),
  )
}
given(
  'einsum with an ellipsis',
  [
    [2, 1, 3, 4],
    [5, 4, 2],
  ],
  (a, b) => ops.einsum('...ik,...kj->...ij', a, b),
  (a, b) => sumProducts(['xyik', 'ykj'], 'xyij', [a, b]),
)
given(
  'einsum without a result',
  [
    [2, 3],
    [3, 4],
  ],
  (a, b) => ops.einsum('zj,ja', a, b),
  (a, b) => sumProducts(['zj', 'ja'], 'az', [a, b]),
)

describeCases('einsum')
