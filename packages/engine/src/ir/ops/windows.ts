/** Windows that slide over the spatial axes of convolutions and pools. */
import type { Shape } from '../../shape.ts'
import { type Applied, intAttr, intsAttr, refuse, refuseForm, textAttr } from './context.ts'

/** What a window does along each spatial axis, with padding resolved from `auto_pad`. */
export interface Windows {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Padding before and after; that of an axis of unknown length is 0 where it depends on it. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Lengths of the output; -1 where not known. */
  readonly out: readonly number[]
}

/** The attributes of a window. @throws PithError `PITH_MODEL` not one number for each axis, or none above 0 */
function attributes(
  c: Applied,
  kernel: readonly number[],
): Omit<Windows, 'out' | 'before' | 'after'> & { pads: readonly number[] } {
  const rank = kernel.length
  const list = (name: string, count: number, least: number): readonly number[] => {
    const own = intsAttr(c, name)
    if (own === undefined || own.length === 0) return new Array<number>(count).fill(least)
    if (own.length !== count || own.some((x) => x < least)) refuseForm(c, `${name} [${own.join(', ')}] does not suit`)
    return own
  }
  if (kernel.some((length) => length === 0 || length < -1)) refuse(c, `a kernel of ${kernel.join('x')}`)
  return {
    kernel,
    strides: list('strides', rank, 1),
    dilations: list('dilations', rank, 1),
    pads: list('pads', rank * 2, 0),
  }
}

function autoPad(c: Applied): string {
  const mode = textAttr(c, 'auto_pad', 'NOTSET')
  if (!['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'].includes(mode)) refuseForm(c, `there is no auto_pad ${mode}`)
  return mode
}

/** Reach of a window with holes. */
function extent(kernel: number, dilation: number): number {
  return kernel < 0 ? -1 : (kernel - 1) * dilation + 1
}

/** An uneven rest goes to the end, or to the start for `SAME_LOWER`. */
function halves(total: number, mode: string): [number, number] {
  const small = Math.floor(total / 2)
  return mode === 'SAME_LOWER' ? [total - small, small] : [small, total - small]
}

/**
 * Windows of a convolution or pool.
 *
 * @param spatial lengths of the axes
 * @param kernel lengths of the window
 * @throws PithError `PITH_SHAPE` a window that is larger than the padded input · `PITH_MODEL` attributes that do not suit
 */
export function windowsOf(c: Applied, spatial: Shape, kernel: readonly number[]): Windows {
  const own = attributes(c, kernel)
  const mode = autoPad(c)
  const isCeiled = intAttr(c, 'ceil_mode', 0) === 1
  const [before, after, out] = [[], [], []] as [number[], number[], number[]]
  for (const [i, length] of spatial.entries()) {
    const stride = own.strides[i] as number
    const reach = extent(own.kernel[i] as number, own.dilations[i] as number)
    let pads: [number, number] = [0, 0]
    if (mode === 'NOTSET') pads = [own.pads[i] as number, own.pads[i + kernel.length] as number]
    else if (mode !== 'VALID' && length >= 0 && reach >= 0) {
      pads = halves(Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length), mode)
    }
    before.push(pads[0])
    after.push(pads[1])
    if (length < 0 || reach < 0) out.push(-1)
    else if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') out.push(Math.ceil(length / stride))
    else {
      const room = length + pads[0] + pads[1] - reach
      if (room < 0) refuse(c, `the window of ${reach} is larger than axis ${i + 2} with its padding`)
      const steps = (isCeiled ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1
      // The last window starts within the input or the padding before it.
      out.push(isCeiled && (steps - 1) * stride >= length + pads[0] ? steps - 1 : steps)
    }
  }
  return { kernel, strides: own.strides, dilations: own.dilations, before, after, out }
}

/**
 * Windows of a transposed convolution.
 *
 * @throws PithError `PITH_SHAPE`, `PITH_MODEL` as {@link windowsOf}
 */
export function transposedWindowsOf(c: Applied, spatial: Shape, kernel: readonly number[]): Windows {
  const own = attributes(c, kernel)
  const mode = autoPad(c)
  const extra = intsAttr(c, 'output_padding') ?? new Array<number>(kernel.length).fill(0)
  const wanted = intsAttr(c, 'output_shape')?.slice(-kernel.length)
  if (extra.length !== kernel.length || (wanted !== undefined && wanted.length !== kernel.length)) {
    refuseForm(c, 'output_padding or output_shape does not suit')
  }
  const [before, after, out] = [[], [], []] as [number[], number[], number[]]
  for (const [i, length] of spatial.entries()) {
    const stride = own.strides[i] as number
    const reach = extent(own.kernel[i] as number, own.dilations[i] as number)
    const isKnown = length >= 0 && reach >= 0
    const whole = isKnown ? (length - 1) * stride + (extra[i] as number) + reach : -1
    const isSame = mode === 'SAME_UPPER' || mode === 'SAME_LOWER'
    const target = wanted?.[i] ?? (isSame && isKnown ? length * stride : undefined)
    let pads: [number, number] = [0, 0]
    if (target !== undefined && isKnown)
      pads = halves(Math.max(0, whole - target), mode === 'SAME_UPPER' ? mode : 'SAME_LOWER')
    else if (mode === 'NOTSET') pads = [own.pads[i] as number, own.pads[i + kernel.length] as number]
    before.push(pads[0])
    after.push(pads[1])
    const result = target ?? (isKnown ? whole - pads[0] - pads[1] : -1)
    if (isKnown && result < 1) refuse(c, `axis ${i + 2} would have ${result} elements`)
    out.push(result)
  }
  return { kernel, strides: own.strides, dilations: own.dilations, before, after, out }
}
