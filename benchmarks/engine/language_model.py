"""The language model of language-model.ts in PyTorch, trained step by step as standard input asks; tells the CPU time.

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


class Twin:
    """The model with the weights of a folder, and the optimiser that both trainings have."""

    def __init__(self, folder):
        self.size = json.loads((folder / "size.json").read_text())
        self.layers, self.width, self.heads = (self.size[name] for name in ("layers", "width", "heads"))
        start = torch.from_numpy(np.fromfile(folder / "start.bin", dtype=np.float32))
        self.params = {}
        for name, shape in self.size["shapes"]:
            value, start = start[: int(np.prod(shape))].view(shape), start[int(np.prod(shape)) :]
            self.params[name] = torch.nn.Parameter(value.T.contiguous() if self.is_linear(name) else value.clone())
        tokens = self.size["tokens"]
        hidden = torch.triu(torch.ones(tokens, tokens, dtype=torch.bool), 1)
        self.mask = torch.zeros(tokens, tokens).masked_fill(hidden, float("-inf"))
        self.optimizer = torch.optim.AdamW(self.params.values(), lr=1e-3, weight_decay=0.01)

    def is_linear(self, name):
        """Whether it is the weight of a Linear, which PyTorch holds as [outputs, inputs]."""
        return name.endswith(("qkv.w", "out.w", "up.w", "down.w", "head.w"))

    def batch_of(self, tokens):
        """Tokens and those that follow them, from int32[2, batch, tokens]."""
        shape = (2, self.size["batch"], self.size["tokens"])
        return torch.from_numpy(tokens.astype(np.int64)).view(shape)

    def linear(self, x, name):
        return F.linear(x, self.params[f"{name}.w"], self.params[f"{name}.b"])

    def norm(self, x, name):
        return F.layer_norm(x, (self.width,), self.params[f"{name}.w"], self.params[f"{name}.b"])

    def block(self, x, i):
        b, t, d = x.shape
        rows, within = b * self.heads, d // self.heads
        qkv = self.linear(self.norm(x, f"{i}.ln1"), f"{i}.qkv").split(d, 2)
        q, k, v = (part.view(b, t, self.heads, within).transpose(1, 2).reshape(rows, t, within) for part in qkv)
        scores = torch.baddbmm(self.mask, q, k.transpose(1, 2), alpha=within**-0.5)
        seen = torch.bmm(scores.softmax(-1), v).view(b, self.heads, t, within)
        x = x + self.linear(seen.transpose(1, 2).reshape(b, t, d), f"{i}.out")
        return x + self.linear(F.gelu(self.linear(self.norm(x, f"{i}.ln2"), f"{i}.up")), f"{i}.down")

    def loss_of(self, ids, following):
        x = F.embedding(ids, self.params["tokens.w"]) + self.params["places"]
        for i in range(self.layers):
            x = self.block(x, i)
        logits = self.linear(self.norm(x, "ln"), "head")
        return F.cross_entropy(logits.view(-1, self.size["vocabulary"]), following.reshape(-1))

    def step(self, ids, following):
        """One update. Gives the loss."""
        loss = self.loss_of(ids, following)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.params.values(), 1.0)
        self.optimizer.step()
        return loss.item()


def main():
    folder = Path(sys.argv[1])
    twin = Twin(folder)
    ids, following = twin.batch_of(np.fromfile(folder / "batch.bin", dtype=np.int32))
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        times, losses = [], []
        for _ in range(int(line)):
            begin = time.process_time()
            losses.append(twin.step(ids, following))
            times.append(1000 * (time.process_time() - begin))
        print(json.dumps({"ms": times, "losses": losses}), flush=True)


if __name__ == "__main__":
    main()
