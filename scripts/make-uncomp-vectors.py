"""Make packages/kv/test/golden/uncomp.json: truncated matrix entropies, and what policies keep of one prompt, in double precision.

Entropies are those of numpy's eigenvalues; scores, budgets and choices are written out here anew.
Run: /usr/bin/python3 scripts/make-uncomp-vectors.py
"""
import json
from pathlib import Path

import numpy as np

random = np.random.RandomState(11)


def entropy(x, k):
    x = x - x.mean(axis=0)
    norms = np.linalg.norm(x, axis=1)
    x = x[norms >= 1e-6] / norms[norms >= 1e-6, None]
    s = x.T @ x
    trace = np.trace(s)
    if trace == 0:
        return 0.0
    values = np.sort(np.linalg.eigvalsh(s / trace))[::-1][:k]
    values = values[values > 0]
    return float(-(values * np.log(values)).sum() / np.log(x.shape[1]))


def entropies():
    cases = []
    plain = random.standard_normal((20, 8))
    flat = random.standard_normal((40, 2)) @ random.standard_normal((2, 16)) + 0.01 * random.standard_normal((40, 16))
    doubled = np.repeat(random.standard_normal((6, 8)), 2, axis=0)
    for name, x in [("plain", plain), ("flat", flat), ("doubled", doubled), ("one row", plain[:1]), ("few", plain[:3] + 5)]:
        x = np.round(x, 3)
        for k in [1, max(1, x.shape[1] // 4), x.shape[1]]:
            cases.append({"name": name, "width": x.shape[1], "rows": x.reshape(-1).tolist(), "k": k, "entropy": entropy(x, k)})
    return cases


LAYERS, HEADS, WINDOW, N, KERNEL = 3, 2, 4, 40, 5


def prompt():
    """Attention of the last queries and of all: sums to one over what a query sees."""
    recent, every = [], []
    for _ in range(LAYERS):
        maps = []
        for _ in range(HEADS):
            scores = 2.5 * random.standard_normal((N, N))
            scores[np.triu_indices(N, 1)] = -np.inf
            p = np.exp(scores - scores.max(axis=1, keepdims=True))
            maps.append(p / p.sum(axis=1, keepdims=True))
        recent.append([m[-WINDOW:].round(6) for m in maps])
        every.append([m.sum(axis=0).round(6) for m in maps])
    return np.array(recent), np.array(every)


def pooled(rows):
    s = rows[:, : N - WINDOW].sum(axis=0)
    padded = np.pad(s, KERNEL // 2)
    return np.array([padded[t : t + KERNEL].sum() / KERNEL for t in range(len(s))])


def best(scores, count):
    order = sorted(range(len(scores)), key=lambda t: (-scores[t], -t))
    return sorted(order[:count])


LAST = list(range(N - WINDOW, N))


def snapkv(recent, budget):
    return [[best(pooled(recent[l][h]), budget - WINDOW) + LAST for h in range(HEADS)] for l in range(LAYERS)]


def adakv(recent, budget, floor):
    out = []
    for l in range(LAYERS):
        scores = [pooled(recent[l][h]) for h in range(HEADS)]
        extra = HEADS * (budget - WINDOW)
        least = int(floor * extra / HEADS)
        kept = [set(best(s, least)) for s in scores]
        rest = [(-s[t], h, t) for h, s in enumerate(scores) for t in range(len(s)) if t not in kept[h]]
        for _, h, t in sorted(rest)[: extra - HEADS * least]:
            kept[h].add(t)
        out.append([sorted(k) + LAST for k in kept])
    return out


def h2o(every, budget):
    recent = round(budget / 2)
    mean = every / (N - np.arange(N))
    tail = list(range(N - recent, N))
    return [[best(mean[l][h][: N - recent], budget - recent) + tail for h in range(HEADS)] for l in range(LAYERS)]


def streaming(budget, sinks):
    places = list(range(sinks)) + list(range(N - budget + sinks, N))
    return [[places for _ in range(HEADS)] for _ in range(LAYERS)]


recent, every = prompt()
BUDGET = 12
vectors = {
    "entropies": entropies(),
    "prompt": {"layers": LAYERS, "heads": HEADS, "tokens": N, "window": WINDOW, "kernel": KERNEL, "budget": BUDGET,
               "recent": recent.reshape(LAYERS, -1).tolist(), "every": every.reshape(LAYERS, -1).tolist()},
    "kept": {"snapkv": snapkv(recent, BUDGET), "adakv": adakv(recent, BUDGET, 0.2), "h2o": h2o(every, BUDGET),
             "streaming": streaming(BUDGET, 4)},
}
path = Path(__file__).resolve().parent.parent / "packages/kv/test/golden/uncomp.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(vectors) + "\n")
print(path.stat().st_size)
