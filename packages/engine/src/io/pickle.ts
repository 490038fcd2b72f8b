/**
 * Python pickles without Python: a stack machine that knows plain data and the few constructors that its caller names.
 * It never runs code and never looks anything up: a name that is not in the caller's table is refused.
 */
import { ByteReader, PithError } from '@pith/core'

/** A constructor that a pickle may call. */
export type PickleCall = (args: readonly PickleValue[]) => PickleValue

/** What the caller of {@link unpickle} allows beyond plain data. */
export interface PickleTable {
  /** What stands for `module.name`; undefined refuses it. */
  global(name: string): PickleValue | undefined
  /** What a persistent id stands for. */
  persistent(id: PickleValue): PickleValue
}

/** A tuple; lists are arrays. */
export class PickleTuple {
  readonly items: readonly PickleValue[]
  constructor(items: readonly PickleValue[]) {
    this.items = items
  }
}

/** Something that the caller made: opaque to the machine. */
export class PickleObject<T = unknown> {
  readonly value: T
  constructor(value: T) {
    this.value = value
  }
}

/** What a pickle can hold here. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleTuple
  | PickleObject
  | PickleValue[]
  | Map<PickleKey, PickleValue>
  | Set<PickleKey>
  | PickleCall

/** What keys of dictionaries can be. */
export type PickleKey = string | number | bigint | boolean | null

const MARK = Symbol('mark')
type Slot = PickleValue | typeof MARK

/** What the machine holds while it runs. */
interface Machine {
  readonly reader: ByteReader
  readonly table: PickleTable
  readonly stack: Slot[]
  readonly memo: Map<number, PickleValue>
}

type Opcode = (machine: Machine) => void

/**
 * The value of a pickle of protocol 2 to 5.
 *
 * @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` it is no pickle · `PITH_UNSUPPORTED` it names something that is not
 * in the table, or uses an instruction that plain data does not need
 */
export function unpickle(bytes: Uint8Array, table: PickleTable): PickleValue {
  const machine: Machine = { reader: new ByteReader(bytes), table, stack: [], memo: new Map() }
  const { reader } = machine
  for (;;) {
    const offset = reader.offset
    const code = reader.u8()
    if (code === STOP) break
    const run = OPCODES[code]
    if (run === undefined) throw unsafe(`the instruction 0x${code.toString(16).padStart(2, '0')}`, offset)
    try {
      run(machine)
    } catch (error) {
      if (error instanceof PithError && error.at === undefined) {
        const { code: own, message, hint } = error
        throw new PithError(own, message, { ...(hint === undefined ? {} : { hint }), at: { offset } })
      }
      throw error
    }
  }
  const value = pop(machine)
  if (machine.stack.length > 0) throw bad('values are left on the stack')
  return value
}

const STOP = 0x2e

function bad(why: string): PithError {
  return new PithError('PITH_CORRUPT', `the pickle cannot be read: ${why}`)
}

/** An error for what a pickle must not hold. */
export function unsafe(what: string, offset?: number): PithError {
  return new PithError('PITH_UNSUPPORTED', `the pickle uses ${what}, which is not plain data and tensors`, {
    hint: 'Save only the tensors: torch.save(model.state_dict(), file), or a safetensors file.',
    ...(offset === undefined ? {} : { at: { offset } }),
  })
}

function pop({ stack }: Machine): PickleValue {
  const value = stack.pop()
  if (value === undefined || value === MARK) throw bad('the stack is empty')
  return value
}

function top({ stack }: Machine): PickleValue {
  const value = stack.at(-1)
  if (value === undefined || value === MARK) throw bad('the stack is empty')
  return value
}

function popToMark({ stack }: Machine): PickleValue[] {
  const at = stack.lastIndexOf(MARK)
  if (at < 0) throw bad('there is no mark')
  const items = stack.splice(at + 1) as PickleValue[]
  stack.pop()
  return items
}

function popMany(machine: Machine, count: number): PickleValue[] {
  const items: PickleValue[] = []
  for (let i = 0; i < count; i++) items.push(pop(machine))
  return items.reverse()
}

function push(value: (machine: Machine) => PickleValue): Opcode {
  return (machine) => {
    machine.stack.push(value(machine))
  }
}

function keyOf(value: PickleValue): PickleKey {
  if (value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return value as PickleKey
  throw unsafe('a key that is no text or number')
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const map = top(machine)
  if (!(map instanceof Map) || items.length % 2 !== 0) throw bad('items are set on something that is no dictionary')
  for (let i = 0; i < items.length; i += 2) map.set(keyOf(items[i] as PickleValue), items[i + 1] as PickleValue)
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const list = top(machine)
  if (!Array.isArray(list)) throw bad('items are appended to something that is no list')
  for (const item of items) list.push(item)
}

function reduce(machine: Machine): PickleValue {
  const args = pop(machine)
  const call = pop(machine)
  if (!(args instanceof PickleTuple)) throw bad('a constructor is called without a tuple')
  if (typeof call !== 'function') throw unsafe('a call of something that is no constructor')
  return call(args.items)
}

/** State of an object: only attributes of dictionaries, which are of no use to tensors, are let pass. */
function build(machine: Machine): void {
  const state = pop(machine)
  if (!(top(machine) instanceof Map && state instanceof Map)) throw unsafe('a state of an object')
}

function line({ reader }: Machine): string {
  const start = reader.offset
  let end = start
  while (end < reader.end && reader.bytes[end] !== 10) end++
  if (end === reader.end || end - start > 1000) throw bad('a name does not end')
  const text = reader.utf8(end - start)
  reader.skip(1)
  return text
}

function global({ table }: Machine, module: PickleValue, name: PickleValue): PickleValue {
  if (typeof module !== 'string' || typeof name !== 'string') throw bad('a name is no text')
  const value = table.global(`${module}.${name}`)
  if (value === undefined) throw unsafe(`${module}.${name}`.slice(0, 80))
  return value
}

function remember(machine: Machine, at: number): void {
  machine.memo.set(at, top(machine))
}

function recall({ memo }: Machine, at: number): PickleValue {
  const value = memo.get(at)
  if (value === undefined) throw bad(`nothing is remembered under ${at}`)
  return value
}

/** A little-endian two's complement integer. */
function integer(bytes: Uint8Array): number | bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  const signed = BigInt.asIntN(8 * bytes.length, value)
  const number = Number(signed)
  return Number.isSafeInteger(number) ? number : signed
}

function doubleOf({ reader }: Machine): number {
  const bytes = reader.take(8)
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0)
}

/** Instructions by their number; those that are missing are refused. */
const OPCODES: readonly (Opcode | undefined)[] = /* @__PURE__ */ (() => {
  const table = new Array<Opcode | undefined>(256)
  const set = (code: number | string, run: Opcode): void => {
    table[typeof code === 'string' ? code.charCodeAt(0) : code] = run
  }
  set(0x80, ({ reader }) => {
    const protocol = reader.u8()
    if (protocol > 5) throw new PithError('PITH_VERSION', `pickle protocol 0..5 is expected, got ${protocol}`)
  })
  // Frames only say how much to read ahead.
  set(0x95, ({ reader }) => {
    reader.skip(8)
  })
  set('(', ({ stack }) => {
    stack.push(MARK)
  })
  set('0', (machine) => {
    pop(machine)
  })
  set('1', (machine) => {
    popToMark(machine)
  })
  set(
    'N',
    push(() => null),
  )
  set(
    0x88,
    push(() => true),
  )
  set(
    0x89,
    push(() => false),
  )
  set(
    'J',
    push(({ reader }) => reader.i32()),
  )
  set(
    'K',
    push(({ reader }) => reader.u8()),
  )
  set(
    'M',
    push(({ reader }) => reader.u16()),
  )
  set(
    0x8a,
    push(({ reader }) => integer(reader.take(reader.u8()))),
  )
  set('G', push(doubleOf))
  set(
    'X',
    push(({ reader }) => reader.utf8(reader.u32())),
  )
  set(
    0x8c,
    push(({ reader }) => reader.utf8(reader.u8())),
  )
  set(
    0x8d,
    push(({ reader }) => reader.utf8(reader.u64())),
  )
  set(
    'C',
    push(({ reader }) => reader.take(reader.u8()).slice()),
  )
  set(
    'B',
    push(({ reader }) => reader.take(reader.u32()).slice()),
  )
  set(
    ']',
    push(() => []),
  )
  set(
    '}',
    push(() => new Map()),
  )
  set(
    0x8f,
    push(() => new Set()),
  )
  set(
    ')',
    push(() => new PickleTuple([])),
  )
  set(
    't',
    push((machine) => new PickleTuple(popToMark(machine))),
  )
  set(
    0x85,
    push((machine) => new PickleTuple(popMany(machine, 1))),
  )
  set(
    0x86,
    push((machine) => new PickleTuple(popMany(machine, 2))),
  )
  set(
    0x87,
    push((machine) => new PickleTuple(popMany(machine, 3))),
  )
  set('l', push(popToMark))
  set('d', (machine) => {
    const items = popToMark(machine)
    machine.stack.push(new Map())
    setItems(machine, items)
  })
  set('a', (machine) => append(machine, popMany(machine, 1)))
  set('e', (machine) => append(machine, popToMark(machine)))
  set('s', (machine) => setItems(machine, popMany(machine, 2)))
  set('u', (machine) => setItems(machine, popToMark(machine)))
  set(0x90, (machine) => {
    const items = popToMark(machine)
    const own = top(machine)
    if (!(own instanceof Set)) throw bad('items are added to something that is no set')
    for (const item of items) own.add(keyOf(item))
  })
  set('q', (machine) => remember(machine, machine.reader.u8()))
  set('r', (machine) => remember(machine, machine.reader.u32()))
  set(0x94, (machine) => remember(machine, machine.memo.size))
  set(
    'h',
    push((machine) => recall(machine, machine.reader.u8())),
  )
  set(
    'j',
    push((machine) => recall(machine, machine.reader.u32())),
  )
  set(
    'c',
    push((machine) => global(machine, line(machine), line(machine))),
  )
  set(
    0x93,
    push((machine) => {
      const [module, name] = popMany(machine, 2)
      return global(machine, module as PickleValue, name as PickleValue)
    }),
  )
  set(
    'Q',
    push((machine) => machine.table.persistent(pop(machine))),
  )
  set('R', push(reduce))
  set('b', build)
  return table
})()
