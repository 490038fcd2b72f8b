/** First values of parameters; each is drawn from the stream of its parameter's name, so adding a layer changes no other. */
import { crc32c, PithError, type Random } from '@pith/core'
import { type Shape, shapeText, sizeOf } from '../shape.ts'

/** Fills a parameter of a shape. */
export type Initializer = (random: Random, shape: Shape) => Float32Array

/** How many inputs and outputs each number of a parameter connects. */
interface Fans {
  readonly fanIn: number
  readonly fanOut: number
}

/** The stream of random numbers that belongs to a name. */
export function foldName(random: Random, name: string): Random {
  return random.split(crc32c(new TextEncoder().encode(name)))
}

/** The same number everywhere. */
export function full(value: number): Initializer {
  return (_random, shape) => new Float32Array(sizeOf(shape)).fill(value)
}

/** Zeros everywhere. */
export function zeros(): Initializer {
  return full(0)
}

/** Ones everywhere. */
export function ones(): Initializer {
  return full(1)
}

/** Draws from a normal distribution around 0. Default `std` 0.02. */
export function normal(std: number = 0.02): Initializer {
  return (random, shape) => Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * std)
}

/** Draws from [-bound, bound). */
export function uniform(bound: number): Initializer {
  return (random, shape) => Float32Array.from({ length: sizeOf(shape) }, () => (2 * random.uniform() - 1) * bound)
}

/** Normal with variance 1 / inputs: keeps the scale of a linear layer. */
export function lecun(): Initializer {
  return scaled(({ fanIn }) => Math.sqrt(1 / fanIn))
}

/** Normal with variance 2 / inputs: keeps the scale in front of ReLU (He et al., ICCV 2015). */
export function he(): Initializer {
  return scaled(({ fanIn }) => Math.sqrt(2 / fanIn))
}

/** Normal with variance 2 / (inputs + outputs) (Glorot and Bengio, AISTATS 2010). */
export function glorot(): Initializer {
  return scaled(({ fanIn, fanOut }) => Math.sqrt(2 / (fanIn + fanOut)))
}

/** Uniform within the root of 1 / inputs: what PyTorch gives the weights of its linear and convolutional layers. */
export function torchUniform(): Initializer {
  return (random, shape) => uniform(Math.sqrt(1 / fansOf(shape).fanIn))(random, shape)
}

function scaled(std: (fans: Fans) => number): Initializer {
  return (random, shape) => normal(std(fansOf(shape)))(random, shape)
}

/** Matrices are [inputs, outputs]; kernels of convolutions [outputs, inputs / groups, ...window]. */
function fansOf(shape: Shape): Fans {
  const [first, second] = shape
  if (first === undefined || second === undefined || sizeOf(shape) === 0) {
    throw new PithError('PITH_SHAPE', `${shapeText(shape)} has no inputs and outputs`, {
      hint: 'Use normal, uniform or full for vectors.',
    })
  }
  if (shape.length === 2) return { fanIn: first, fanOut: second }
  const window = sizeOf(shape.slice(2))
  return { fanIn: second * window, fanOut: first * window }
}
