/** The messages of an ONNX file (onnx.proto, IR version 12) as plain objects. Fields that are absent in a file are absent here. */

/** A 64-bit integer: a number where it is exact, a bigint beyond. */
export type Int64 = number | bigint

/** What every message may carry beside the fields that are known. */
export interface Message {
  /** Fields of newer versions as they stood in the file, tags included; they are written back behind the known ones. */
  unknown?: Uint8Array[]
}

export interface ModelProto extends Message {
  irVersion?: Int64
  producerName?: string
  producerVersion?: string
  domain?: string
  modelVersion?: Int64
  docString?: string
  graph?: GraphProto
  opsetImport?: OperatorSetIdProto[]
  metadataProps?: StringStringEntryProto[]
  trainingInfo?: TrainingInfoProto[]
  functions?: FunctionProto[]
}

export interface OperatorSetIdProto extends Message {
  domain?: string
  version?: Int64
}

export interface StringStringEntryProto extends Message {
  key?: string
  value?: string
}

export interface GraphProto extends Message {
  node?: NodeProto[]
  name?: string
  initializer?: TensorProto[]
  docString?: string
  input?: ValueInfoProto[]
  output?: ValueInfoProto[]
  valueInfo?: ValueInfoProto[]
  quantizationAnnotation?: TensorAnnotation[]
  sparseInitializer?: SparseTensorProto[]
  metadataProps?: StringStringEntryProto[]
}

export interface NodeProto extends Message {
  input?: string[]
  output?: string[]
  name?: string
  opType?: string
  attribute?: AttributeProto[]
  docString?: string
  domain?: string
  overload?: string
  metadataProps?: StringStringEntryProto[]
}

/** Kinds of attributes (AttributeProto.AttributeType). */
export type AttributeKind =
  | 'float'
  | 'int'
  | 'string'
  | 'tensor'
  | 'graph'
  | 'floats'
  | 'ints'
  | 'strings'
  | 'tensors'
  | 'graphs'
  | 'sparseTensor'
  | 'sparseTensors'
  | 'typeProto'
  | 'typeProtos'

/** Numbers of the kinds in files. */
export const ATTRIBUTE_TYPE: Readonly<Record<AttributeKind, number>> = /* @__PURE__ */ Object.freeze({
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
  typeProto: 13,
  typeProtos: 14,
})

export interface AttributeProto extends Message {
  name?: string
  f?: number
  i?: Int64
  s?: Uint8Array
  t?: TensorProto
  g?: GraphProto
  floats?: ArrayLike<number>
  ints?: Int64[]
  strings?: Uint8Array[]
  tensors?: TensorProto[]
  graphs?: GraphProto[]
  docString?: string
  tp?: TypeProto
  typeProtos?: TypeProto[]
  /** One of {@link ATTRIBUTE_TYPE}. */
  type?: number
  refAttrName?: string
  sparseTensor?: SparseTensorProto
  sparseTensors?: SparseTensorProto[]
}

export interface TensorProto extends Message {
  dims?: Int64[]
  dataType?: number
  segment?: SegmentProto
  floatData?: ArrayLike<number>
  int32Data?: Int64[]
  stringData?: Uint8Array[]
  int64Data?: Int64[]
  name?: string
  /** Elements as little-endian bytes: a view of the file. */
  rawData?: Uint8Array
  doubleData?: ArrayLike<number>
  uint64Data?: Int64[]
  docString?: string
  externalData?: StringStringEntryProto[]
  /** 0: within the message, 1: in another file. */
  dataLocation?: number
  metadataProps?: StringStringEntryProto[]
}

export interface SegmentProto extends Message {
  begin?: Int64
  end?: Int64
}

export interface SparseTensorProto extends Message {
  values?: TensorProto
  indices?: TensorProto
  dims?: Int64[]
}

export interface ValueInfoProto extends Message {
  name?: string
  type?: TypeProto
  docString?: string
  metadataProps?: StringStringEntryProto[]
}

export interface TypeProto extends Message {
  tensorType?: TensorTypeProto
  sequenceType?: SequenceTypeProto
  mapType?: MapTypeProto
  denotation?: string
  sparseTensorType?: TensorTypeProto
  optionalType?: SequenceTypeProto
}

export interface TensorTypeProto extends Message {
  elemType?: number
  shape?: TensorShapeProto
}

export interface SequenceTypeProto extends Message {
  elemType?: TypeProto
}

export interface MapTypeProto extends Message {
  keyType?: number
  valueType?: TypeProto
}

export interface TensorShapeProto extends Message {
  dim?: DimensionProto[]
}

export interface DimensionProto extends Message {
  dimValue?: Int64
  dimParam?: string
  denotation?: string
}

export interface TensorAnnotation extends Message {
  tensorName?: string
  quantParameterTensorNames?: StringStringEntryProto[]
}

export interface TrainingInfoProto extends Message {
  initialization?: GraphProto
  algorithm?: GraphProto
  initializationBinding?: StringStringEntryProto[]
  updateBinding?: StringStringEntryProto[]
}

export interface FunctionProto extends Message {
  name?: string
  input?: string[]
  output?: string[]
  attribute?: string[]
  node?: NodeProto[]
  docString?: string
  opsetImport?: OperatorSetIdProto[]
  domain?: string
  attributeProto?: AttributeProto[]
  valueInfo?: ValueInfoProto[]
  overload?: string
  metadataProps?: StringStringEntryProto[]
}
