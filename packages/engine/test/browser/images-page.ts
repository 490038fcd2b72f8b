import { isPithError } from '@pith/core'
import { decodeImageWeb, imageTensor } from '@pith/engine/io'

/** What a page made of an image. */
export interface Decoded {
  readonly size: readonly [width: number, height: number]
  readonly pixels: number[]
  /** As a tensor of 4 x 3 pixels. */
  readonly tensor: number[]
}

/** What the test calls. */
export interface ImagesInPage {
  decode(bytes: number[], maxPixels?: number): Promise<Decoded | string>
}

const inPage: ImagesInPage = {
  async decode(bytes, maxPixels) {
    try {
      const image = await decodeImageWeb(Uint8Array.from(bytes), maxPixels === undefined ? {} : { maxPixels })
      const tensor = imageTensor(image, { width: 4, height: 3 })
      return { size: [image.width, image.height], pixels: [...image.data], tensor: Array.from(tensor.data, Number) }
    } catch (error) {
      return isPithError(error) ? error.code : String(error)
    }
  },
}
Object.assign(globalThis, { imagesInPage: inPage })
