import { formatCount } from '@pith/core'
import { GRID, type Shape } from './train-data.ts'
import type { Answer, Question } from './train-messages.ts'

const worker = new Worker('./train-worker.js', { type: 'module' })
const status = find('#status')
const canvas = find<HTMLCanvasElement>('#field')
const STEPS = 600
/** Of the picture of the losses, in its own units. */
const PLOT = { left: 34, top: 8, right: 392, bottom: 216 }
const COLOURS = ['#2f6fb5', '#d9720d'] as const

let id = 0
let losses: number[] = []
let points: { points: Float32Array; classes: Uint8Array } | undefined

function find<T extends Element = HTMLElement>(selector: string): T {
  return document.querySelector<T>(selector) as T
}

function ask(question: Question): void {
  worker.postMessage(question)
}

function tell(text: string, bad = false): void {
  status.textContent = text
  status.classList.toggle('bad', bad)
}

/** The grid as colours between those of the classes, and the points on it. */
function drawField(grid?: Float32Array): void {
  const context = canvas.getContext('2d') as CanvasRenderingContext2D
  const size = canvas.width
  context.clearRect(0, 0, size, size)
  const side = size / GRID
  grid?.forEach((share, at) => {
    context.fillStyle = COLOURS[share > 0.5 ? 1 : 0]
    context.globalAlpha = Math.abs(share - 0.5)
    context.fillRect((at % GRID) * side, Math.floor(at / GRID) * side, side, side)
  })
  context.globalAlpha = 1
  points?.classes.forEach((own, i) => {
    const [x = 0, y = 0] = points?.points.subarray(2 * i, 2 * i + 2) ?? []
    context.beginPath()
    context.arc(((x + 1) * size) / 2, ((1 - y) * size) / 2, 4, 0, 2 * Math.PI)
    context.fillStyle = COLOURS[own === 1 ? 1 : 0]
    context.strokeStyle = '#fff'
    context.fill()
    context.stroke()
  })
}

function drawLosses(): void {
  const { left, top, right, bottom } = PLOT
  const most = Math.max(0.1, ...losses)
  const x = (step: number): number => left + ((right - left) * step) / STEPS
  const y = (loss: number): number => bottom - ((bottom - top) * loss) / most
  const path = losses.map((loss, i) => `${i === 0 ? 'M' : 'L'}${x(i + 1).toFixed(1)} ${y(loss).toFixed(1)}`)
  find('#line').setAttribute('d', path.join(''))
  find('#most').textContent = most.toFixed(1)
  find('#loss').setAttribute(
    'aria-label',
    `Loss over the updates: ${losses.length} updates, the last ${losses.at(-1)?.toFixed(4) ?? 'none'}`,
  )
}

function setRunning(isRunning: boolean): void {
  find<HTMLButtonElement>('#stop').disabled = !isRunning
  find<HTMLButtonElement>('#save').disabled = isRunning || losses.length === 0
}

find('#settings').addEventListener('submit', (event) => {
  event.preventDefault()
  const value = (name: string): string => find<HTMLSelectElement>(name).value
  losses = []
  drawLosses()
  setRunning(true)
  tell('Loading the runtime …')
  ask({
    ask: 'train',
    id: ++id,
    shape: value('#shape') as Shape,
    hidden: Number(value('#hidden')),
    lr: Number(value('#rate')),
    steps: STEPS,
  })
})
find('#stop').addEventListener('click', () => ask({ ask: 'stop' }))
find('#save').addEventListener('click', () => ask({ ask: 'save' }))

function download(file: Uint8Array<ArrayBuffer>): void {
  const href = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }))
  Object.assign(document.createElement('a'), { href, download: 'points.onnx' }).click()
  URL.revokeObjectURL(href)
}

worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
  if (data.say === 'saved') download(data.file)
  else if (data.say === 'failed') {
    setRunning(false)
    tell(data.message, true)
  } else if (data.id !== id) return
  else if (data.say === 'points') {
    points = data
    drawField()
  } else if (data.say === 'learned') {
    losses.push(...data.losses)
    drawField(data.grid)
    drawLosses()
    const share = (100 * data.right).toFixed(0)
    tell(`Update ${formatCount(losses.length)} of ${STEPS}: loss ${losses.at(-1)?.toFixed(4)}, ${share} % right`)
  } else {
    setRunning(false)
    const speed = (data.steps / data.ms) * 1000
    tell(`${status.textContent}. ${formatCount(data.steps)} updates, ${speed.toFixed(0)} a second (${data.runtime})`)
  }
})
