/** Attributes of nodes in files and in graphs. */
import { PithError } from '@pith/core'
import type { Attr, Attrs } from '../ir/graph.ts'
import { Tensor } from '../tensor.ts'
import { nodeText } from './names.ts'
import { ATTRIBUTE_TYPE, type AttributeKind, type AttributeProto, type Int64, type NodeProto } from './proto.ts'
import { fromTensor, toTensor } from './tensor-proto.ts'

/** Attributes of known operators that are floats, also where their value is whole. */
const FLOATS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  [
    'alpha beta gamma epsilon momentum ratio bias lambd spatial_scale extrapolation_value cubic_coeff_a',
    'activation_alpha activation_beta clip value_float value_floats scale softcap high low mean seed',
    'threshold scales norm_coefficient decay_factor norm_coefficient_post mask_filter_value dropout_ratio',
    'cubic_coeff_b qk_matmul_scale zero_point_float area_pixel_scale',
  ].flatMap((line) => line.split(' ')),
)

/**
 * Names of attributes whose kind their value does not tell, where an operator of another domain has them; they stand beside
 * the attributes under these keys, so that a file is written as it was read.
 */
const KEPT_FLOATS = '~floats'
const KEPT_INTS = '~ints'

/** The kind of an attribute; files without kinds have it by the field that is set. */
export function kindOf(attribute: AttributeProto): AttributeKind | undefined {
  const { type = 0 } = attribute
  const kinds = Object.keys(ATTRIBUTE_TYPE) as AttributeKind[]
  if (type !== 0) return kinds.find((kind) => ATTRIBUTE_TYPE[kind] === type)
  const fields: readonly (readonly [keyof AttributeProto, AttributeKind])[] = [
    ['f', 'float'],
    ['i', 'int'],
    ['s', 'string'],
    ['t', 'tensor'],
    ['g', 'graph'],
    ['floats', 'floats'],
    ['ints', 'ints'],
    ['strings', 'strings'],
    ['tensors', 'tensors'],
    ['graphs', 'graphs'],
    ['tp', 'typeProto'],
  ]
  return fields.find(([field]) => attribute[field] !== undefined)?.[1]
}

/**
 * Attributes of a node as plain values; graphs are left out, and integers beyond 2^53 are rounded.
 *
 * @throws PithError `PITH_MODEL` a kind that graphs do not have · `PITH_CORRUPT` a text that is not UTF-8
 */
export function readAttrs(node: NodeProto): Attrs {
  const attrs: Record<string, Attr> = {}
  const floats: string[] = []
  const ints: string[] = []
  for (const attribute of node.attribute ?? []) {
    const { name = '' } = attribute
    const kind = kindOf(attribute)
    if (kind === 'graph') continue
    attrs[name] = readAttr(attribute, kind, node)
    if ((kind === 'float' || kind === 'floats') && !FLOATS.has(name)) floats.push(name)
    if ((kind === 'int' || kind === 'ints') && FLOATS.has(name)) ints.push(name)
  }
  if ((node.domain ?? '') !== '' && floats.length > 0) attrs[KEPT_FLOATS] = floats
  if ((node.domain ?? '') !== '' && ints.length > 0) attrs[KEPT_INTS] = ints
  return attrs
}

function readAttr(attribute: AttributeProto, kind: AttributeKind | undefined, node: NodeProto): Attr {
  switch (kind) {
    case 'float':
      return attribute.f ?? 0
    case 'int':
      return Number(attribute.i ?? 0)
    case 'string':
      return text(attribute.s)
    case 'tensor':
      return toTensor(attribute.t ?? {})
    case 'floats':
      return Array.from(attribute.floats ?? [])
    case 'ints':
      return (attribute.ints ?? []).map(Number)
    case 'strings':
      return (attribute.strings ?? []).map(text)
    default: {
      const name = JSON.stringify((attribute.name ?? '').slice(0, 80))
      throw new PithError(
        'PITH_MODEL',
        `${node.opType}: the attribute ${name} is of the kind ${kind ?? attribute.type}`,
        {
          at: { node: nodeText(node) },
        },
      )
    }
  }
}

function text(bytes: Uint8Array = new Uint8Array(0)): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'an attribute is not UTF-8', { cause })
  }
}

/** An attribute of integers as they stand in the file, which plain attributes round beyond 2^53. */
export function wideInts(node: NodeProto, name: string): readonly Int64[] | undefined {
  const attribute = node.attribute?.find((own) => own.name === name)
  return attribute?.ints ?? (attribute?.i === undefined ? undefined : [attribute.i])
}

/** Attributes as messages, in the order of their names. */
export function writeAttrs(attrs: Attrs): AttributeProto[] {
  const floats = new Set((attrs[KEPT_FLOATS] ?? []) as readonly string[])
  const ints = new Set((attrs[KEPT_INTS] ?? []) as readonly string[])
  return Object.keys(attrs)
    .filter((name) => name !== KEPT_FLOATS && name !== KEPT_INTS)
    .sort()
    .map((name) => writeAttr(name, attrs[name] as Attr, floats.has(name) || (FLOATS.has(name) && !ints.has(name))))
}

function writeAttr(name: string, value: Attr, isFloat: boolean): AttributeProto {
  const utf8 = new TextEncoder()
  const of = (kind: AttributeKind, fields: AttributeProto): AttributeProto => ({
    name,
    ...fields,
    type: ATTRIBUTE_TYPE[kind],
  })
  if (typeof value === 'string') return of('string', { s: utf8.encode(value) })
  if (typeof value === 'number') {
    return isFloat || !Number.isInteger(value) ? of('float', { f: value }) : of('int', { i: whole(value) })
  }
  if (value instanceof Tensor) return of('tensor', { t: fromTensor(value) })
  const list = value as readonly (number | string)[]
  if (typeof list[0] === 'string') return of('strings', { strings: list.map((item) => utf8.encode(item as string)) })
  const numbers = list as readonly number[]
  if (isFloat || numbers.some((item) => !Number.isInteger(item))) return of('floats', { floats: numbers })
  return of('ints', { ints: numbers.map(whole) })
}

/** A whole number as a 64-bit integer; those that were rounded beyond the range are its ends. */
export function whole(value: Int64): Int64 {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  const wide = BigInt(value)
  if (wide > 2n ** 63n - 1n) return 2n ** 63n - 1n
  return wide < -(2n ** 63n) ? -(2n ** 63n) : wide
}
