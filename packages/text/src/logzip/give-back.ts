/** Free what nobody needs any more: a thread that makes few objects would collect it many chunks later. */
export function giveBack(buffer: ArrayBufferLike): void {
  // Younger than some browsers; without it the memory goes a little later.
  if (buffer instanceof ArrayBuffer && typeof buffer.transfer === 'function') buffer.transfer(0)
}
