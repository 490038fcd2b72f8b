/** Cases of products, convolutions, pools and normalisations. */
import { Tensor } from '../../src/tensor.ts'
import { apart, type Cases, cases, ints, offZero, within } from './inputs.ts'

const floats = (...values: number[]): Tensor => new Tensor(Float32Array.from(values), [values.length])
const positive = (length: number): Tensor => within([length], 0.5, 1.5)

/** Places between the elements of an image, some outside of it, away from where its slope changes. */
function grid(shape: number[], lengths: number[], isAligned: boolean = false): Tensor {
  const own = within(shape, 0, 1)
  const data = Float32Array.from(own.data as Float32Array, (x, i) => {
    const length = lengths[lengths.length - 1 - (i % lengths.length)]
    const place = Math.floor(x * (length + 3)) - 2 + 0.3 + 0.4 * ((x * 97) % 1)
    return isAligned ? (2 * place) / (length - 1) - 1 : (2 * place + 1) / length - 1
  })
  return new Tensor(data, shape)
}

export const NETWORK_CASES: Cases = Object.fromEntries([
  cases(
    ':MatMul',
    [[within([3, 4]), within([4, 2])]],
    [[within([2, 3, 4]), within([4, 5])]],
    [[within([2, 1, 3, 4]), within([3, 4, 2])]],
    [[within([4]), within([2, 4, 3])]],
    [[within([2, 3, 4]), within([4])]],
    [[within([4]), within([4])]],
    [[within([3, 4]), within([2, 4, 2])]],
  ),
  cases(
    ':Gemm',
    [[within([3, 4]), within([4, 2]), within([2])]],
    [[within([4, 3]), within([2, 4]), within([3, 1])], { transA: 1, transB: 1, alpha: 0.5, beta: 2 }],
    [[within([1, 4]), within([3, 4])], { transB: 1 }],
    [[within([4, 1]), within([4, 3]), within([1])], { transA: 1 }],
  ),
  cases(
    'com.microsoft:FusedMatMul',
    [[within([2, 3, 4]), within([2, 5, 4])], { transB: 1, alpha: 0.5 }],
    [[within([2, 4, 3]), within([2, 4, 2])], { transA: 1, alpha: 1 }],
    [[within([2, 4, 3]), within([1, 2, 4])], { transA: 1, transB: 1, alpha: 2 }],
    [[within([2, 3, 4]), within([5, 4])], { transB: 1, alpha: 1 }],
  ),
  cases(':Det', [[within([3, 3])]], [[within([2, 2, 2])]], [[within([1, 1])]], [[within([5, 5], -1, 1.5)]]),
  cases(
    ':Einsum',
    [[within([3, 4]), within([4, 2])], { equation: 'ij,jk->ik' }],
    [[within([2, 3, 4]), within([2, 5, 4])], { equation: 'bik,bjk->bij' }],
    [[within([3]), within([4])], { equation: 'i,j->ij' }],
    [[within([3, 2])], { equation: 'ij->i' }],
  ),
  cases(
    ':Conv',
    [[within([2, 3, 5, 6]), within([4, 3, 3, 3]), within([4])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
    [[within([1, 9, 5, 5]), within([2, 9, 3, 3])], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 0, 0, 1] }],
    [[within([2, 8, 4, 4]), within([4, 8, 2, 2])], { kernel_shape: [2, 2], dilations: [2, 2] }],
    [[within([1, 4, 5, 4]), within([6, 2, 3, 2])], { kernel_shape: [3, 2], group: 2, pads: [1, 0, 1, 0] }],
    [[within([2, 3, 6, 5]), within([3, 1, 3, 3])], { kernel_shape: [3, 3], group: 3, strides: [2, 1] }],
    [[within([1, 2, 9]), within([3, 2, 5]), within([3])], { kernel_shape: [5], strides: [2], pads: [2, 2] }],
    [[within([1, 8, 11, 10]), within([2, 8, 5, 5])], { kernel_shape: [5, 5], strides: [3, 2] }],
    [[within([1, 2, 5, 7]), within([2, 2, 3, 3])], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
    [[within([1, 1, 4, 4]), within([1, 1, 1, 1])], { kernel_shape: [1, 1] }],
  ),
  cases(
    ':ConvTranspose',
    [[within([2, 3, 3, 4]), within([3, 2, 3, 3]), within([2])], { kernel_shape: [3, 3] }],
    [
      [within([1, 4, 3, 3]), within([4, 3, 3, 3])],
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    ],
    [[within([1, 4, 3, 2]), within([4, 2, 2, 2])], { kernel_shape: [2, 2], group: 2, strides: [2, 1] }],
    [[within([1, 2, 5]), within([2, 3, 3])], { kernel_shape: [3], dilations: [2], strides: [2] }],
    [[within([1, 3, 3, 3]), within([3, 1, 2, 2])], { kernel_shape: [2, 2], group: 3 }],
  ),
  cases(
    ':MaxPool',
    [[apart([1, 2, 4, 6])[0]], { kernel_shape: [2, 2], strides: [2, 2] }],
    [[apart([2, 1, 5, 5])[0]], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }],
    [[apart([1, 3, 7])[0]], { kernel_shape: [3], strides: [2], ceil_mode: 1 }],
    [[apart([2, 2, 7, 5])[0]], { kernel_shape: [2, 1], strides: [3, 2] }],
    [[apart([1, 1, 6, 5])[0]], { kernel_shape: [2, 2], dilations: [2, 1] }],
  ),
  cases(
    ':AveragePool',
    [[within([1, 2, 4, 6])], { kernel_shape: [2, 2], strides: [2, 2] }],
    [[within([2, 1, 5, 5])], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
    [[within([1, 2, 5, 4])], { kernel_shape: [3, 2], pads: [1, 0, 1, 1], count_include_pad: 1 }],
    [[within([1, 3, 7])], { kernel_shape: [3], strides: [3] }],
    [[within([1, 3, 8])], { kernel_shape: [3], strides: [2], ceil_mode: 1 }],
  ),
  cases(
    ':LpPool',
    [[offZero([1, 2, 4, 6])], { kernel_shape: [2, 2], strides: [2, 2] }],
    [[offZero([2, 1, 5, 5])], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], p: 3 }],
    [[offZero([1, 3, 7])], { kernel_shape: [3], p: 1 }],
  ),
  cases(
    ':GlobalLpPool',
    [[offZero([2, 3, 4, 5])]],
    [[offZero([1, 2, 6])], { p: 1 }],
    [[offZero([2, 1, 1, 3])], { p: 3 }],
  ),
  cases(
    ':MaxUnpool',
    [[within([1, 1, 2, 2])], { kernel_shape: [2, 2], strides: [2, 2] }, [ints([1, 6, 8, 15], [1, 1, 2, 2])]],
    [[within([1, 2, 2])], { kernel_shape: [2], strides: [2] }, [ints([0, 3, 5, 6], [1, 2, 2])]],
    [[within([2, 1, 2])], { kernel_shape: [3], strides: [3] }, [ints([2, 3, 7, 9], [2, 1, 2])]],
  ),
  cases(
    ':Col2Im',
    [[within([1, 8, 6])], {}, [ints([3, 4]), ints([2, 2])]],
    [[within([2, 9, 4])], { strides: [2, 2], pads: [1, 1, 1, 1] }, [ints([4, 4]), ints([3, 3])]],
    [[within([1, 4, 4])], { dilations: [2, 1], strides: [1, 1] }, [ints([4, 3]), ints([2, 2])]],
  ),
  cases(
    ':AffineGrid',
    [[within([1, 2, 3])], {}, [ints([1, 1, 3, 4])]],
    [[within([2, 2, 3])], { align_corners: 1 }, [ints([2, 3, 2, 1])]],
    [[within([1, 3, 4])], {}, [ints([1, 1, 2, 3, 2])]],
  ),
  cases(
    ':CenterCropPad',
    [[within([3, 4])], {}, [ints([6, 2])]],
    [[within([5, 2, 3])], { axes: [0, -1] }, [ints([2, 8])]],
    [[within([4])], {}, [ints([4])]],
  ),
  cases(':GlobalAveragePool', [[within([2, 3, 4, 5])]], [[within([1, 2, 6])]], [[within([2, 1, 1, 3])]]),
  cases(':GlobalMaxPool', [[apart([2, 2, 3, 4])[0]]], [[apart([1, 2, 6])[0]]], [[apart([2, 1, 1, 3])[0]]]),
  cases(
    ':Resize',
    [
      [within([1, 2, 3, 4])],
      { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      [undefined, floats(1, 1, 2, 3)],
    ],
    [[within([1, 1, 3, 4])], { mode: 'linear' }, [undefined, floats(1, 1, 2, 1.5)]],
    [
      [within([1, 2, 4, 3])],
      { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
      [undefined, undefined, ints([1, 2, 7, 5])],
    ],
    [[within([1, 1, 5, 4])], { mode: 'cubic' }, [undefined, undefined, ints([1, 1, 8, 9])]],
    [[within([1, 1, 6, 5])], { mode: 'linear', antialias: 1 }, [undefined, floats(1, 1, 0.5, 0.6)]],
    [[within([1, 1, 6, 5])], { mode: 'nearest' }, [undefined, undefined, ints([1, 1, 3, 7])]],
    [
      [within([1, 1, 6, 5])],
      { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
      [undefined, undefined, ints([1, 1, 1, 9])],
    ],
  ),
  cases(
    ':GridSample',
    [[within([1, 2, 4, 5]), grid([1, 3, 2, 2], [4, 5])]],
    [[within([2, 1, 4, 4]), grid([2, 2, 3, 2], [4, 4], true)], { align_corners: 1 }],
    [[within([1, 1, 5, 3]), grid([1, 4, 1, 2], [5, 3])], { padding_mode: 'border' }],
    [[within([1, 2, 3, 4]), grid([1, 3, 3, 2], [3, 4])], { padding_mode: 'reflection' }],
    [[within([1, 2, 3, 4]), grid([1, 3, 3, 2], [3, 4], true)], { padding_mode: 'reflection', align_corners: 1 }],
    [[within([1, 1, 3, 4])], { mode: 'nearest', padding_mode: 'reflection' }, [grid([1, 5, 1, 2], [3, 4])]],
    [[within([1, 1, 3, 2, 4]), grid([1, 2, 1, 2, 3], [3, 2, 4])]],
  ),
  cases(
    ':RoiAlign',
    [
      [within([2, 3, 6, 6])],
      { output_height: 2, output_width: 2, sampling_ratio: 2 },
      [new Tensor(Float32Array.of(0, 0, 3, 3, 1, 1, 5, 4), [2, 4]), ints([1, 0])],
    ],
    [
      [within([1, 1, 4, 5])],
      { output_height: 3, output_width: 1, sampling_ratio: 1, coordinate_transformation_mode: 'output_half_pixel' },
      [new Tensor(Float32Array.of(0, 1, 9, 8, -9, -9, -4, 2), [2, 4]), ints([0, 0])],
    ],
    [
      [within([1, 2, 5, 5]), new Tensor(Float32Array.of(2.3, 1.1, 6.9, 7.6), [1, 4])],
      { output_height: 1, output_width: 2, sampling_ratio: 2, spatial_scale: 0.5 },
      [ints([0])],
    ],
  ),
  cases(
    ':LayerNormalization',
    [[within([3, 4]), within([4]), within([4])]],
    [[within([2, 3, 4]), within([3, 4])], { axis: 1 }],
    [[within([1, 2, 5]), within([5]), within([5])], { axis: -1, epsilon: 0.01 }],
  ),
  cases(
    ':BatchNormalization',
    [[within([2, 3, 4, 2]), within([3]), within([3]), within([3]), positive(3)]],
    [[within([4, 2]), within([2]), within([2]), within([2]), positive(2)]],
    [[within([1, 2, 3, 3]), within([2]), within([2]), within([2]), positive(2)], { epsilon: 0.01 }],
  ),
  cases(
    ':InstanceNormalization',
    [[within([2, 3, 4]), within([3]), within([3])]],
    [[within([1, 2, 3, 3]), within([2]), within([2])]],
    [[within([2, 1, 5]), within([1]), within([1])], { epsilon: 0.01 }],
  ),
  cases(
    ':GroupNormalization',
    [[within([2, 4, 3]), within([2]), within([2])], { num_groups: 2 }],
    [[within([1, 6, 2, 2]), within([3]), within([3])], { num_groups: 3 }],
    [[within([1, 4, 3]), within([1]), within([1])], { num_groups: 1 }],
  ),
  ...[':RMSNormalization', ':SimplifiedLayerNormalization'].map((name) =>
    cases(
      name,
      [[within([3, 4]), within([4])], { axis: -1 }],
      [[within([2, 3, 4]), within([4])], { axis: -1, epsilon: 0.01 }],
      [[within([1, 2, 5]), within([5])], { axis: 2 }],
    ),
  ),
  cases(
    'com.microsoft:SkipLayerNormalization',
    [[within([2, 3, 4]), within([2, 3, 4], -2, 1), within([4]), within([4])]],
    [[within([1, 2, 6]), within([1, 2, 6], -2, 1), within([6]), within([6]), within([6])]],
    [[within([2, 1, 4]), within([2, 1, 4], -2, 1), within([4])], { epsilon: 0.01 }],
  ),
  cases(
    'com.microsoft:SkipSimplifiedLayerNormalization',
    [[within([2, 3, 4]), within([2, 3, 4], -2, 1), within([4])]],
    [[within([1, 2, 6]), within([1, 2, 6], -2, 1), within([6]), within([6])]],
    [[within([2, 1, 4]), within([2, 1, 4], -2, 1), within([4])], { epsilon: 0.01 }],
  ),
  cases(
    ':LpNormalization',
    [[within([3, 4])]],
    [[within([2, 3, 4], 0.3, 1)], { axis: 1, p: 1 }],
    [[within([5])], { p: 2 }],
  ),
  cases(
    ':MeanVarianceNormalization',
    [[within([2, 3, 2, 2])]],
    [[within([2, 1, 3, 2])], { axes: [0, 2, 3] }],
    [[within([1, 2, 2, 4])], { axes: [0, 2, 3] }],
  ),
  ...[':NegativeLogLikelihoodLoss', ':SoftmaxCrossEntropyLoss'].map((name) =>
    cases(
      name,
      [[within([3, 4])], { reduction: 'mean' }, [ints([1, 0, 3])]],
      [[within([2, 3, 2]), ints([0, 2, 1, 2], [2, 2])], { reduction: 'sum' }, [positive(3)]],
      [[within([3, 4])], { reduction: 'mean', ignore_index: 1 }, [ints([1, 0, 3]), positive(4)]],
      [[within([2, 3])], { reduction: 'none' }, [ints([2, 0])]],
    ),
  ),
  cases(
    ':LRN',
    [[within([1, 5, 2, 2])], { size: 3, alpha: 0.5, beta: 0.75, bias: 1 }],
    [[within([2, 4, 1, 3])], { size: 3, alpha: 0.9, beta: 0.5, bias: 2 }],
    [[within([1, 1, 3, 2])], { size: 5, alpha: 0.7 }],
  ),
  cases(
    ':DequantizeLinear',
    [[new Tensor(Int8Array.of(1, -3, 5, 7), [2, 2]), within([])], {}],
    [
      [new Tensor(Int8Array.of(1, -3, 5, 7, 2, 4), [2, 3]), within([3])],
      { axis: 1 },
      [new Tensor(Int8Array.of(1, 0, -1), [3])],
    ],
    [[new Tensor(Uint8Array.of(1, 3, 5, 7), [2, 1, 2]), within([2])], { axis: 0 }],
  ),
])
