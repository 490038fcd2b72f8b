"""The same language model in PyTorch, trained step by step as standard input asks; standard output tells the CPU time.

python3 language_model.py FOLDER, where FOLDER has size.json, start.bin and batch.bin, as peer-files.ts makes them. Each line of
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
folder = Path(sys.argv[1])
size = json.loads((folder / "size.json").read_text())
layers, width, heads = size["layers"], size["width"], size["heads"]
batch, tokens = size["batch"], size["tokens"]


def split(array, shapes):
    """Cut one array into tensors of shapes, in their order."""
    parts = np.split(array, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
    return [torch.from_numpy(part.reshape(shape)) for part, shape in zip(parts, shapes)]


names, shapes = zip(*size["shapes"])
weights = split(np.fromfile(folder / "start.bin", dtype=np.float32), shapes)
params = {name: torch.nn.Parameter(value) for name, value in zip(names, weights)}
ids, following = split(np.fromfile(folder / "batch.bin", dtype=np.int32).astype(np.int64), [(batch, tokens)] * 2)
hidden = torch.triu(torch.ones(tokens, tokens, dtype=torch.bool), 1)
mask = torch.zeros(tokens, tokens).masked_fill(hidden, float("-inf"))


def linear(x, name):
    return F.linear(x, params[f"{name}.w"], params[f"{name}.b"])


def norm(x, name):
    return F.layer_norm(x, (width,), params[f"{name}.w"], params[f"{name}.b"])


def block(x, i):
    b, t, d = x.shape
    q, k, v = (part.view(b, t, heads, d // heads).transpose(1, 2) for part in linear(norm(x, f"{i}.ln1"), f"{i}.qkv").split(d, 2))
    scores = torch.baddbmm(mask, q.reshape(b * heads, t, -1), k.reshape(b * heads, t, -1).transpose(1, 2), alpha=(d // heads) ** -0.5)
    seen = torch.bmm(scores.softmax(-1), v.reshape(b * heads, t, -1)).view(b, heads, t, -1)
    x = x + linear(seen.transpose(1, 2).reshape(b, t, d), f"{i}.out")
    return x + linear(F.gelu(linear(norm(x, f"{i}.ln2"), f"{i}.up")), f"{i}.down")


def loss_of(ids, following):
    x = F.embedding(ids, params["tokens.w"]) + params["places"]
    for i in range(layers):
        x = block(x, i)
    return F.cross_entropy(linear(norm(x, "ln"), "head").view(-1, size["vocabulary"]), following.view(-1))


# A Linear of PyTorch holds its weight as [outputs, inputs].
for name, value in params.items():
    if value.dim() == 2 and name not in ("places", "tokens.w"):
        value.data = value.data.T.contiguous()
optimizer = torch.optim.AdamW(params.values(), lr=1e-3, weight_decay=0.01)


def step():
    loss = loss_of(ids, following)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    middle = time.process_time()
    torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
    optimizer.step()
    return loss.item(), time.process_time() - middle


print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    times, updates, losses = [], [], []
    for _ in range(int(line)):
        begin = time.process_time()
        loss, update = step()
        times.append(1000 * (time.process_time() - begin))
        updates.append(1000 * update)
        losses.append(loss)
    print(json.dumps({"ms": times, "updateMs": updates, "losses": losses}), flush=True)
