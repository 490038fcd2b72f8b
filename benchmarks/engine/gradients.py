"""The gradients of the language model by PyTorch in double precision.

python3 gradients.py FOLDER, where FOLDER has what language_model.py reads; writes gradients.bin (float64, in the order and layout of
the parameters) beside it.
"""
import sys
from pathlib import Path

import numpy as np

from language_model import Twin

folder = Path(sys.argv[1])
twin = Twin(folder)
twin.mask = twin.mask.double()
for value in twin.params.values():
    value.data = value.data.double()
twin.loss_of(*twin.batch_of(np.fromfile(folder / "batch.bin", dtype=np.int32))).backward()
with open(folder / "gradients.bin", "wb") as file:
    for name, _ in twin.size["shapes"]:
        gradient = twin.params[name].grad
        file.write((gradient.T if twin.is_linear(name) else gradient).contiguous().numpy().tobytes())
