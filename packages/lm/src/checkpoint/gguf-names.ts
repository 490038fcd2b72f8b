/** Names of tensors in GGUF files. */
import { PithError } from '@pith/core'

const BLOCK: Readonly<Record<string, string>> = {
  'norm1.scale': 'attn_norm.weight',
  'norm2.scale': 'ffn_norm.weight',
  'attn.wq': 'attn_q.weight',
  'attn.wk': 'attn_k.weight',
  'attn.wv': 'attn_v.weight',
  'attn.wo': 'attn_output.weight',
  'attn.bq': 'attn_q.bias',
  'attn.bk': 'attn_k.bias',
  'attn.bv': 'attn_v.bias',
  'mlp.wGate': 'ffn_gate.weight',
  'mlp.wUp': 'ffn_up.weight',
  'mlp.wDown': 'ffn_down.weight',
}

const WHOLE: Readonly<Record<string, string>> = {
  'embed.tokens': 'token_embd.weight',
  'norm.scale': 'output_norm.weight',
  'head.w': 'output.weight',
}

const OWN_BLOCK: ReadonlyMap<string, string> = new Map(Object.entries(BLOCK).map(([own, name]) => [name, own]))
const OWN_WHOLE: ReadonlyMap<string, string> = new Map(Object.entries(WHOLE).map(([own, name]) => [name, own]))

/** The name of a parameter in GGUF files. */
export function ggufNameOf(name: string): string {
  const [, layer, part = ''] = /^blocks\.(\d+)\.(.+)$/.exec(name) ?? []
  const table = layer === undefined ? WHOLE : BLOCK
  const key = layer === undefined ? name : part
  const own = Object.hasOwn(table, key) ? table[key] : undefined
  if (own === undefined) throw new PithError('PITH_ARG', `${name.slice(0, 80)} is no parameter`)
  return layer === undefined ? own : `blk.${layer}.${own}`
}

/** The parameter that a tensor is; undefined where it is no weight, such as factors of positions. */
export function fromGgufName(name: string): string | undefined {
  if (name === 'rope_freqs.weight') return undefined
  const [, layer, part = ''] = /^blk\.(\d{1,6})\.(.+)$/.exec(name) ?? []
  if (layer === undefined) return OWN_WHOLE.get(name) ?? name
  const own = OWN_BLOCK.get(part)
  return own === undefined ? name : `blocks.${layer}.${own}`
}
