import type { SystemCard } from '@pith/core'

/** What the engine is, and what backs its claims. */
export const card: SystemCard = {
  id: 'engine',
  title: 'Engine: array programs and ONNX models as one graph',
  summary:
    'Programs over arrays and models from PyTorch become graphs of ONNX operators; gradients, batches and training steps are more nodes of them, onnxruntime runs them, and they are written back as .onnx files.',
  entryPoints: [
    'pith model check MODEL --io REF.npz',
    'pith model inspect MODEL',
    'pith model finetune MODEL --data FILE -o TUNED.onnx',
    "import { fit, grad, jit, ops, vmap } from '@pith/engine'",
    "import { loadModel, saveModel } from '@pith/engine/onnx/node'",
  ],
  differences: [
    'After JAX, jax-js and PyTorch; there is no one paper.',
    'There is no format and no kernel of its own: what ONNX has no operator for is made of those that it has.',
    'Gradients are nodes of the same graph, so that a whole training step is one run.',
    'The same seed gives the same weights to the last bit, also where workers share the batches and where training was interrupted.',
  ],
  benchmark: 'engine',
}
