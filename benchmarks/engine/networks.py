"""The networks of conv.ts and recurrent.ts in PyTorch, trained step by step as standard input asks; standard output tells the CPU time.

python3 networks.py NAME FOLDER, where FOLDER has names.json and tensors.bin, as torch-training.ts makes them. Each line of
standard input is a number of steps; each answer a line of JSON.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
name, folder = sys.argv[1], Path(sys.argv[2])
entries = json.loads((folder / "names.json").read_text())
sizes = [int(np.prod(entry["shape"])) for entry in entries]
parts = np.split(np.fromfile(folder / "tensors.bin", dtype=np.float32), np.cumsum(sizes)[:-1])
tensors = {entry["name"]: torch.from_numpy(part.reshape(entry["shape"])) for entry, part in zip(entries, parts)}


def autoencoder(tensors):
    params = {key: torch.nn.Parameter(value) for key, value in tensors.items() if key != "x"}
    images = tensors["x"]

    def loss():
        x = images
        for i in range(3):
            x = F.conv2d(x, params[f"down{i}.w"], params[f"down{i}.b"], stride=2, padding=2)
            x = F.relu(x) if i < 2 else x
        for i in range(3):
            x = F.conv_transpose2d(x, params[f"up{i}.w"], params[f"up{i}.b"], stride=2, padding=2, output_padding=1)
            x = F.relu(x) if i < 2 else x
        return F.mse_loss(x, images)

    return params.values(), loss


def lstm(tensors):
    x, target = tensors["x"], tensors["t"]
    hidden = target.shape[2]
    layer = torch.nn.LSTM(x.shape[2], hidden)
    # ONNX has the gates in the order input, output, forget, cell; PyTorch input, forget, cell, output.
    order = [0, 2, 3, 1]

    def ours(value):
        rows = value.split(hidden)
        return torch.cat([rows[i] for i in order])

    with torch.no_grad():
        layer.weight_ih_l0.copy_(ours(tensors["w"][0]))
        layer.weight_hh_l0.copy_(ours(tensors["r"][0]))
        one, other = tensors["b"][0].split(4 * hidden)
        layer.bias_ih_l0.copy_(ours(one))
        layer.bias_hh_l0.copy_(ours(other))
    return layer.parameters(), lambda: F.mse_loss(layer(x)[0], target)


params, loss_of = {"autoencoder": autoencoder, "lstm": lstm}[name](tensors)
optimizer = torch.optim.Adam(list(params), lr=1e-3)


def step():
    loss = loss_of()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    times, losses = [], []
    for _ in range(int(line)):
        begin = time.process_time()
        losses.append(step())
        times.append(1000 * (time.process_time() - begin))
    print(json.dumps({"ms": times, "losses": losses}), flush=True)
