/** The messages of an ONNX file (onnx.proto, IR version 12) as plain objects. Fields that are absent in a file are absent here. */

/** A 64-bit integer: a number where it is exact, a bigint beyond. */
export type Int64 = number | bigint

/** What every message may carry beside the fields that are known. */
export interface Message {
  /** Fields of newer versions as they stood in the file, tags included; they are written back behind the known ones. */
  unknown?: Uint8Array[]
}

/** A model: a graph with the versions of its operators. */
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

/** The version of the operators of a domain. */
export interface OperatorSetIdProto extends Message {
  domain?: string
  version?: Int64
}

/** A key and its value. */
export interface StringStringEntryProto extends Message {
  key?: string
  value?: string
}

/** Nodes with their inputs, initialisers and outputs. */
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

/** One application of an operator; values are named, and an empty name is an input that is left out. */
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

/** An attribute of a node: the field that `type` names is set. */
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

/** A tensor: its elements are `rawData`, or the typed field of its type, or in another file. */
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

/** A part of a tensor that is stored in pieces. */
export interface SegmentProto extends Message {
  begin?: Int64
  end?: Int64
}

/** A tensor by the elements that are not zero. */
export interface SparseTensorProto extends Message {
  values?: TensorProto
  indices?: TensorProto
  dims?: Int64[]
}

/** The name and type of a value. */
export interface ValueInfoProto extends Message {
  name?: string
  type?: TypeProto
  docString?: string
  metadataProps?: StringStringEntryProto[]
}

/** A type: one of its fields is set. */
export interface TypeProto extends Message {
  tensorType?: TensorTypeProto
  sequenceType?: SequenceTypeProto
  mapType?: MapTypeProto
  denotation?: string
  sparseTensorType?: TensorTypeProto
  optionalType?: SequenceTypeProto
}

/** The element type and shape of a tensor; without a shape, the rank is not known. */
export interface TensorTypeProto extends Message {
  elemType?: number
  shape?: TensorShapeProto
}

/** The type of what a sequence or an optional value holds. */
export interface SequenceTypeProto extends Message {
  elemType?: TypeProto
}

/** The types of the keys and values of a map. */
export interface MapTypeProto extends Message {
  keyType?: number
  valueType?: TypeProto
}

/** Lengths of axes, outermost first. */
export interface TensorShapeProto extends Message {
  dim?: DimensionProto[]
}

/** An axis: its length, or its name. */
export interface DimensionProto extends Message {
  dimValue?: Int64
  dimParam?: string
  denotation?: string
}

/** Names of the values that hold the scale and zero point of a quantised one. */
export interface TensorAnnotation extends Message {
  tensorName?: string
  quantParameterTensorNames?: StringStringEntryProto[]
}

/** Graphs of a training step. */
export interface TrainingInfoProto extends Message {
  initialization?: GraphProto
  algorithm?: GraphProto
  initializationBinding?: StringStringEntryProto[]
  updateBinding?: StringStringEntryProto[]
}

/** An operator that is made of others. */
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
