"""Train the language model on characters in PyTorch, on the batches and with the rates that pith has.

python3 characters.py FOLDER, where FOLDER has what language_model.py reads, and train.bin, validation.bin (int32 batches one after
another) and rates.bin (float64, one a step). Each line of standard input is a number of steps; each answer a line of JSON with
the loss of each, and, once all steps are done, the mean loss of the validation.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from language_model import Twin

folder = Path(sys.argv[1])
twin = Twin(folder)
values = 2 * twin.size["batch"] * twin.size["tokens"]
train = np.fromfile(folder / "train.bin", dtype=np.int32).reshape(-1, values)
validation = np.fromfile(folder / "validation.bin", dtype=np.int32).reshape(-1, values)
rates = np.fromfile(folder / "rates.bin", dtype=np.float64)
print(json.dumps({"version": torch.__version__}), flush=True)
at = 0
for line in sys.stdin:
    begin = time.process_time()
    losses = []
    for _ in range(int(line)):
        for group in twin.optimizer.param_groups:
            group["lr"] = rates[at]
        losses.append(twin.step(*twin.batch_of(train[at])))
        at += 1
    ms = 1000 * (time.process_time() - begin)
    measured = None
    if at == len(train):
        with torch.no_grad():
            measured = float(np.mean([twin.loss_of(*twin.batch_of(batch)).item() for batch in validation]))
    print(json.dumps({"ms": ms, "losses": losses, "validation": measured}), flush=True)
