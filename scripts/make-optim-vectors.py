"""Make packages/engine/test/golden/optim.json: what optimisers do to three small parameters, in double precision.

AdamW and SGD are those of PyTorch (Debian's python3-torch), Lion and Muon are written out here.
Run: /usr/bin/python3 scripts/make-optim-vectors.py
"""
import json
from pathlib import Path

import numpy as np
import torch

STEPS = 12
LR = 0.02
SHAPES = {"a.weight": (4, 6), "a.bias": (5,), "b.weight": (7, 3)}

random = np.random.RandomState(7)
weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
gradients = [{name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()} for _ in range(STEPS)]


def by_torch(make):
    params = {name: torch.nn.Parameter(torch.tensor(w, dtype=torch.float64)) for name, w in weights.items()}
    optimizer = make(list(params.values()))
    for step in gradients:
        for name, param in params.items():
            param.grad = torch.tensor(step[name], dtype=torch.float64)
        optimizer.step()
    return {name: param.detach().numpy() for name, param in params.items()}


def lion(beta1, beta2, decay):
    out = {name: w.astype(np.float64) for name, w in weights.items()}
    first = {name: np.zeros_like(w) for name, w in out.items()}
    for step in gradients:
        for name, w in out.items():
            g, m = step[name].astype(np.float64), first[name]
            out[name] = w * (1 - LR * decay) - LR * np.sign(beta1 * m + (1 - beta1) * g)
            first[name] = beta2 * m + (1 - beta2) * g
    return out


def newton_schulz(g, steps=5):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def muon(momentum, decay, others):
    adam = by_torch(lambda params: torch.optim.AdamW(params, lr=LR * others))
    out = {}
    for name, w in weights.items():
        if w.ndim != 2:
            out[name] = adam[name]
            continue
        w = w.astype(np.float64)
        velocity = np.zeros_like(w)
        for step in gradients:
            g = step[name].astype(np.float64)
            velocity = momentum * velocity + g
            change = newton_schulz(g + momentum * velocity)
            w = w * (1 - LR * decay) - LR * max(1, w.shape[0] / w.shape[1]) ** 0.5 * change
        out[name] = w
    return out


optim = torch.optim
results = {
    "adamw": by_torch(lambda p: optim.AdamW(p, lr=LR)),
    "adamw-settings": by_torch(lambda p: optim.AdamW(p, lr=LR, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3)),
    "sgd": by_torch(lambda p: optim.SGD(p, lr=LR)),
    "sgd-decay": by_torch(lambda p: optim.SGD(p, lr=LR, weight_decay=0.2)),
    "sgd-momentum": by_torch(lambda p: optim.SGD(p, lr=LR, momentum=0.9, weight_decay=0.2)),
    "sgd-nesterov": by_torch(lambda p: optim.SGD(p, lr=LR, momentum=0.9, nesterov=True)),
    "lion": lion(0.9, 0.99, 0.0),
    "lion-decay": lion(0.95, 0.98, 0.5),
    "muon": muon(0.95, 0.1, 0.05),
}


def flat(params):
    return {name: [float(x) for x in value.reshape(-1)] for name, value in params.items()}


def rounded(params):
    return {name: [float(f"{x:.10g}") for x in value.reshape(-1)] for name, value in params.items()}


document = {
    "lr": LR,
    "shapes": SHAPES,
    "weights": flat(weights),
    "gradients": [flat(step) for step in gradients],
    "results": {name: rounded(params) for name, params in results.items()},
    "norms": [float(np.sqrt(sum((value.astype(np.float64) ** 2).sum() for value in step.values()))) for step in gradients],
}
path = Path(__file__).parent.parent / "packages/engine/test/golden/optim.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(document) + "\n")
