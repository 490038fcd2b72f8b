"""Make packages/engine/test/golden/transformer.npz: a small GPT with its loss and all gradients by PyTorch in double precision.

`param.NAME` are the parameters by pith's names and layouts (exact in single precision), `ids` and `next` the tokens, `loss` and
`grad.NAME` what PyTorch finds. The tokens are few, so that rows of the table come many times.
Run: /usr/bin/python3 scripts/make-transformer-vectors.py
"""
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

LAYERS, WIDTH, HEADS, VOCABULARY, BATCH, TOKENS = 3, 24, 3, 40, 4, 12
torch.manual_seed(7)


def draw(*shape, scale=1.0):
    return (torch.randn(*shape, dtype=torch.float64) * scale).float().double()


def matrix(params, name, inputs, outputs):
    params[f"{name}.w"] = draw(inputs, outputs, scale=1 / math.sqrt(inputs))
    params[f"{name}.b"] = draw(outputs, scale=0.1)


def norm_of(params, name):
    params[f"{name}.w"] = 1 + draw(WIDTH, scale=0.2)
    params[f"{name}.b"] = draw(WIDTH, scale=0.2)


def start():
    params = {"tokens.w": draw(VOCABULARY, WIDTH), "places": draw(TOKENS, WIDTH, scale=0.5)}
    for i in range(LAYERS):
        norm_of(params, f"{i}.ln1")
        for part in "qkvo":
            params[f"{i}.mha.w{part}"] = draw(WIDTH, WIDTH, scale=1 / math.sqrt(WIDTH))
        norm_of(params, f"{i}.ln2")
        matrix(params, f"{i}.mlp.up", WIDTH, 4 * WIDTH)
        matrix(params, f"{i}.mlp.down", 4 * WIDTH, WIDTH)
    norm_of(params, "ln")
    matrix(params, "head", WIDTH, VOCABULARY)
    return {name: value.float().double() for name, value in params.items()}


def loss_of(params, ids, following):
    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), params[f"{name}.w"], params[f"{name}.b"])

    def linear(x, name):
        return x @ params[f"{name}.w"] + params[f"{name}.b"]

    hidden = torch.triu(torch.ones(TOKENS, TOKENS, dtype=torch.bool), 1)
    x = F.embedding(ids, params["tokens.w"]) + params["places"]
    for i in range(LAYERS):
        y = norm(x, f"{i}.ln1")
        q, k, v = (
            (y @ params[f"{i}.mha.w{part}"]).reshape(BATCH, TOKENS, HEADS, -1).transpose(1, 2)
            for part in "qkv"
        )
        scores = (q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)).masked_fill(hidden, float("-inf"))
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(BATCH, TOKENS, WIDTH)
        x = x + seen @ params[f"{i}.mha.wo"]
        x = x + linear(F.gelu(linear(norm(x, f"{i}.ln2"), f"{i}.mlp.up")), f"{i}.mlp.down")
    return F.cross_entropy(linear(norm(x, "ln"), "head").reshape(-1, VOCABULARY), following.reshape(-1))


def gradients(params, ids, following, dtype):
    leaves = {name: value.to(dtype).clone().requires_grad_() for name, value in params.items()}
    loss = loss_of(leaves, ids, following)
    loss.backward()
    return loss.detach(), {name: value.grad for name, value in leaves.items()}


params = start()
stream = torch.randint(0, VOCABULARY // 4, (BATCH, TOKENS + 1))
stream[:, ::5] = torch.randint(0, VOCABULARY, stream[:, ::5].shape)
ids, following = stream[:, :-1].contiguous(), stream[:, 1:].contiguous()
loss, grads = gradients(params, ids, following, torch.float64)
_, single = gradients(params, ids, following, torch.float32)
worst = max(float((single[name].double() - value).abs().max() / value.abs().max()) for name, value in grads.items())
print(f"loss {loss.item():.9f}, {sum(value.numel() for value in params.values())} parameters")
print(f"PyTorch in single precision: worst gradient off by {worst:.2e} of the largest of its tensor")

path = Path(__file__).parent.parent / "packages/engine/test/golden/transformer.npz"
arrays = {"ids": ids.numpy(), "next": following.numpy(), "loss": np.float64(loss.item()).reshape(1)}
arrays.update({f"param.{name}": value.float().numpy() for name, value in params.items()})
arrays.update({f"grad.{name}": value.float().numpy() for name, value in grads.items()})
np.savez(path, **arrays)
print(f"{path.stat().st_size} bytes")
