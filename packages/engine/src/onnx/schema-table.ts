/** Fields of the messages by number: the one table that the reader and the writer work from. */

/** How a field is coded. `int32` is a signed varint that holds 32 bits, also for enumerations. */
export type FieldKind = 'int32' | 'int64' | 'uint64' | 'float' | 'double' | 'string' | 'bytes' | 'message'

export interface Field {
  readonly number: number
  readonly name: string
  /** With the message before it, as errors tell it. */
  readonly path: string
  readonly kind: FieldKind
  readonly isRepeated: boolean
  /** Written as one run of bytes; both forms are read. */
  readonly isPacked: boolean
  /** Name of the message for the kind `message`. */
  readonly message: string | undefined
}

export interface MessageType {
  readonly name: string
  /** In the order of their numbers, which is the order in which they are written. */
  readonly fields: readonly Field[]
  readonly byNumber: ReadonlyMap<number, Field>
}

/** `number name kind`; `*` is repeated, `**` repeated and packed, a capital letter starts the name of a message. */
const TABLE: Readonly<Record<string, string>> = {
  Model:
    '1 irVersion int64,2 producerName string,3 producerVersion string,4 domain string,5 modelVersion int64,6 docString string,7 graph Graph,8 opsetImport OperatorSetId*,14 metadataProps StringStringEntry*,20 trainingInfo TrainingInfo*,25 functions Function*',
  OperatorSetId: '1 domain string,2 version int64',
  StringStringEntry: '1 key string,2 value string',
  Graph:
    '1 node Node*,2 name string,5 initializer Tensor*,10 docString string,11 input ValueInfo*,12 output ValueInfo*,13 valueInfo ValueInfo*,14 quantizationAnnotation TensorAnnotation*,15 sparseInitializer SparseTensor*,16 metadataProps StringStringEntry*',
  Node: '1 input string*,2 output string*,3 name string,4 opType string,5 attribute Attribute*,6 docString string,7 domain string,8 overload string,9 metadataProps StringStringEntry*',
  Attribute:
    '1 name string,2 f float,3 i int64,4 s bytes,5 t Tensor,6 g Graph,7 floats float*,8 ints int64*,9 strings bytes*,10 tensors Tensor*,11 graphs Graph*,13 docString string,14 tp Type,15 typeProtos Type*,20 type int32,21 refAttrName string,22 sparseTensor SparseTensor,23 sparseTensors SparseTensor*',
  Tensor:
    '1 dims int64*,2 dataType int32,3 segment Segment,4 floatData float**,5 int32Data int32**,6 stringData bytes*,7 int64Data int64**,8 name string,9 rawData bytes,10 doubleData double**,11 uint64Data uint64**,12 docString string,13 externalData StringStringEntry*,14 dataLocation int32,16 metadataProps StringStringEntry*',
  Segment: '1 begin int64,2 end int64',
  SparseTensor: '1 values Tensor,2 indices Tensor,3 dims int64*',
  ValueInfo: '1 name string,2 type Type,3 docString string,4 metadataProps StringStringEntry*',
  Type: '1 tensorType TensorType,4 sequenceType SequenceType,5 mapType MapType,6 denotation string,8 sparseTensorType TensorType,9 optionalType SequenceType',
  TensorType: '1 elemType int32,2 shape TensorShape',
  SequenceType: '1 elemType Type',
  MapType: '1 keyType int32,2 valueType Type',
  TensorShape: '1 dim Dimension*',
  Dimension: '1 dimValue int64,2 dimParam string,3 denotation string',
  TensorAnnotation: '1 tensorName string,2 quantParameterTensorNames StringStringEntry*',
  TrainingInfo:
    '1 initialization Graph,2 algorithm Graph,3 initializationBinding StringStringEntry*,4 updateBinding StringStringEntry*',
  Function:
    '1 name string,4 input string*,5 output string*,6 attribute string*,7 node Node*,8 docString string,9 opsetImport OperatorSetId*,10 domain string,11 attributeProto Attribute*,12 valueInfo ValueInfo*,13 overload string,14 metadataProps StringStringEntry*',
}

function parseField(text: string, owner: string): Field {
  const [number = '', name = '', type = ''] = text.split(' ')
  const bare = type.replaceAll('*', '')
  const isMessage = /^[A-Z]/.test(bare)
  return {
    number: Number(number),
    name,
    path: `${owner}.${name}`,
    kind: isMessage ? 'message' : (bare as FieldKind),
    isRepeated: type.endsWith('*'),
    isPacked: type.endsWith('**'),
    message: isMessage ? bare : undefined,
  }
}

const TYPES: ReadonlyMap<string, MessageType> = /* @__PURE__ */ new Map(
  Object.entries(TABLE).map(([name, text]) => {
    const fields = text.split(',').map((field) => parseField(field, name))
    return [name, { name, fields, byNumber: new Map(fields.map((field) => [field.number, field])) }]
  }),
)

/** The message of a name; the table is closed, so every name within it is found. */
export function messageType(name: string): MessageType {
  return TYPES.get(name) as MessageType
}
