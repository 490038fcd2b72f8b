/** Cases of operators that move elements, take them by index and put them there. */
import { Tensor } from '../../src/tensor.ts'
import { apart, type Cases, cases, ints, within } from './inputs.ts'

const TILE = ints([2, 1, 3])
const axis = (place: number): Tensor => Tensor.scalar(place, 'i64')

export const MOVEMENT_CASES: Cases = Object.fromEntries([
  cases(
    ':Reshape',
    [[within([3, 4])], {}, [ints([2, 6])]],
    [[within([2, 3, 4])], {}, [ints([0, -1])]],
    [[within([1, 5])], {}, [ints([5])]],
  ),
  cases(':Squeeze', [[within([3, 1, 4])], {}, [ints([1])]], [[within([1, 2, 1])]], [[within([1, 5])], {}, [ints([0])]]),
  cases(
    ':Unsqueeze',
    [[within([3, 4])], {}, [ints([1])]],
    [[within([5])], {}, [ints([0, 2])]],
    [[within([1, 2])], {}, [ints([-1])]],
  ),
  cases(':Flatten', [[within([2, 3, 4])]], [[within([2, 3, 4])], { axis: 2 }], [[within([1, 5])], { axis: 0 }]),
  cases(
    ':Transpose',
    [[within([3, 4])]],
    [[within([2, 3, 4])], { perm: [1, 2, 0] }],
    [[within([2, 1, 3, 2])], { perm: [0, 2, 1, 3] }],
  ),
  cases(
    ':Expand',
    [[within([3, 1])], {}, [ints([3, 4])]],
    [[within([4])], {}, [ints([2, 3, 4])]],
    [[within([1, 2, 1])], {}, [ints([3, 1, 2])]],
  ),
  cases(
    ':Tile',
    [[within([3, 4])], {}, [ints([2, 1])]],
    [[within([2, 1, 2])], {}, [TILE]],
    [[within([5])], {}, [ints([3])]],
  ),
  cases(
    ':Concat',
    [[within([3, 4]), within([3, 2])], { axis: 1 }],
    [[within([2, 1, 2]), within([2, 3, 2]), within([2, 2, 2])], { axis: -2 }],
    [[within([4])], { axis: 0 }],
  ),
  cases(
    ':Split',
    [[within([3, 6])], { axis: 1 }, [ints([2, 4])]],
    [[within([6, 1])], { axis: 0, num_outputs: 3 }],
    [[within([2, 5])], { axis: -1 }, [ints([1, 1, 3])]],
  ),
  cases(
    ':Slice',
    [[within([5, 4])], {}, [ints([1, 0]), ints([4, 3])]],
    [[within([7, 3])], {}, [ints([1]), ints([7]), ints([0]), ints([2])]],
    [[within([2, 8])], {}, [ints([-2]), ints([-9]), ints([-1]), ints([-3])]],
    [[within([6])], {}, [ints([-1]), ints([-7]), ints([0]), ints([-1])]],
    [[within([3, 1, 4])], {}, [ints([0, 2]), ints([9, 3]), ints([0, 2])]],
  ),
  cases(
    ':Pad',
    [[within([3, 4])], {}, [ints([1, 0, 0, 2])]],
    [[within([3, 4])], { mode: 'reflect' }, [ints([2, 1, 1, 3])]],
    [[within([4, 3])], { mode: 'edge' }, [ints([1, 2, 3, 0])]],
    [[within([2, 4])], { mode: 'wrap' }, [ints([0, 2, 0, 3])]],
    [[within([5])], {}, [ints([-1, 2])]],
    [[within([2, 3, 1])], {}, [ints([1, 1]), Tensor.scalar(0.5), ints([1])]],
  ),
  cases(
    ':DepthToSpace',
    [[within([1, 4, 2, 3])], { blocksize: 2 }],
    [[within([2, 8, 1, 2])], { blocksize: 2, mode: 'CRD' }],
    [[within([1, 9, 2, 1])], { blocksize: 3, mode: 'DCR' }],
  ),
  cases(
    ':SpaceToDepth',
    [[within([1, 1, 4, 2])], { blocksize: 2 }],
    [[within([2, 2, 2, 2])], { blocksize: 2 }],
    [[within([1, 1, 3, 6])], { blocksize: 3 }],
  ),
  cases(
    ':ReverseSequence',
    [[within([4, 2])], {}, [ints([2, 4])]],
    [[within([2, 4, 2])], { batch_axis: 0, time_axis: 1 }, [ints([3, 1])]],
    [[within([3, 1])], { batch_axis: 1, time_axis: 0 }, [ints([2])]],
  ),
  cases(
    ':Trilu',
    [[within([3, 4])]],
    [[within([2, 3, 3])], { upper: 0 }, [Tensor.scalar(-1, 'i64')]],
    [[within([4, 1])], { upper: 1 }, [Tensor.scalar(1, 'i64')]],
  ),
  cases(
    ':Gather',
    [[within([5, 3])], {}, [ints([0, 4, 0, 2])]],
    [[within([2, 70, 2]), ints([3, 3, -1, 69], [2, 2])], { axis: 1 }],
    [[within([2, 4]), ints([1, 1, -4])], { axis: -1 }],
    [[within([80, 2])], {}, [ints([79, 3, 3])]],
    [[within([3, 2, 2])], { axis: 1 }, [Tensor.scalar(-1, 'i64')]],
  ),
  cases(
    ':GatherElements',
    [[within([3, 4])], { axis: 1 }, [ints([0, 0, 3, 1, 1, 2], [3, 2])]],
    [[within([3, 2]), ints([0, 2, 2, 0], [2, 2])], { axis: 0 }],
    [[within([5]), ints([4, -5, 4])], { axis: 0 }],
  ),
  cases(
    ':GatherND',
    [[within([3, 4])], {}, [ints([0, 1, 2, 3, 0, 1], [3, 2])]],
    [[within([3, 2, 2]), ints([2, 2, -3], [3, 1])]],
    [[within([2, 3, 2])], { batch_dims: 1 }, [ints([1, 1, 2, -1], [2, 2, 1])]],
    [[within([9, 9]), ints([8, 8, 0, 3, 8, 8], [3, 2])]],
  ),
  cases(
    ':ScatterElements',
    [[within([3, 4]), ints([1, 0, 2, 0, 0, 2, 0, 2], [2, 4]), within([2, 4])], { axis: 0 }],
    [[within([2, 3]), ints([1, 1], [2, 1]), within([2, 1])], { axis: 1, reduction: 'add' }],
    [[within([5]), ints([4, 0]), within([2])], {}],
  ),
  cases(
    ':ScatterND',
    [[within([4, 3]), ints([3, 0], [2, 1]), within([2, 3])]],
    [[within([3, 3]), ints([0, 1, 2, 2], [2, 2]), within([2])]],
    [[within([5]), ints([1, 3], [2, 1]), within([2])], { reduction: 'add' }],
  ),
  cases(
    ':TopK',
    [[apart([3, 5])[0]], {}, [ints([2])]],
    [[apart([4, 1, 3])[0]], { axis: 0, largest: 0 }, [ints([2])]],
    [[apart([6])[0]], {}, [ints([6])]],
  ),
  cases(
    ':DFT',
    [[within([2, 8, 1])], {}, [undefined, axis(1)]],
    [[within([2, 6, 1])], { onesided: 1 }, [undefined, axis(1)]],
    [[within([1, 5, 2])], {}, [undefined, axis(-2)]],
    [[within([4, 3, 2])], { inverse: 1 }, [undefined, axis(0)]],
    [[within([1, 6, 1])], { onesided: 1 }, [axis(8), axis(1)]],
    [[within([1, 7, 1])], { onesided: 1 }, [axis(5), axis(1)]],
  ),
  cases(
    ':STFT',
    [[within([1, 16, 1])], {}, [axis(4), within([8], 0.1, 1)]],
    [[within([2, 10, 1])], { onesided: 1 }, [axis(2), undefined, axis(4)]],
    [[within([1, 12, 1])], { onesided: 0 }, [axis(3), within([6], 0.2, 1), axis(6)]],
  ),
])
