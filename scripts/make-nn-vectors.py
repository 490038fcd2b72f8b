"""Make packages/engine/test/golden/nn.json: layers and losses of PyTorch (Debian's python3-torch) with their gradients.

Every case has inputs, parameters by pith's names and layouts, the result, and the gradients of its sum times fixed numbers.
Run: /usr/bin/python3 scripts/make-nn-vectors.py
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return torch.randn(*shape).float().double()


def flat(x):
    return [float(f"{v:.9g}") for v in x.detach().reshape(-1)]


def record(x):
    kind = "i64" if x.dtype == torch.int64 else "f32"
    return {"dtype": kind, "shape": list(x.shape), "data": [int(v) for v in x.reshape(-1)] if kind == "i64" else flat(x)}


CASES = {}


def case(name, function, inputs, params=None):
    params = params or {}
    leaves = {k: v.clone().requires_grad_(v.dtype != torch.int64) for k, v in {**inputs, **params}.items()}
    result = function(**{k.replace(".", "_"): v for k, v in leaves.items()})
    factors = draw(*result.shape) if result.dim() > 0 else torch.ones(())
    (result * factors).sum().backward()
    CASES[name] = {
        "inputs": {k: record(v) for k, v in inputs.items()},
        "params": {k: record(v) for k, v in params.items()},
        "factors": record(factors),
        "result": record(result),
        "grads": {k: record(v.grad) for k, v in leaves.items() if v.grad is not None},
    }


def heads(x, n):
    b, t, d = x.shape
    return x.reshape(b, t, n, d // n).transpose(1, 2)


def mha(x, wq, wk, wv, wo, causal=True):
    q, k, v = heads(x @ wq, 2), heads(x @ wk, 2), heads(x @ wv, 2)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if causal:
        t = x.shape[1]
        scores = scores.masked_fill(torch.triu(torch.ones(t, t, dtype=torch.bool), 1), float("-inf"))
    y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape)
    return y @ wo


def info_nce(queries, keys, symmetric=False):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / 0.1
    right = torch.arange(queries.shape[0])
    forth = F.cross_entropy(scores, right)
    return (forth + F.cross_entropy(scores.T, right)) / 2 if symmetric else forth


x = draw(2, 3, 4)
case("linear", lambda x, w, b: x @ w + b, {"x": x}, {"w": draw(4, 5), "b": draw(5)})
case("layerNorm", lambda x, w, b: F.layer_norm(x, (4,), w, b), {"x": x}, {"w": draw(4), "b": draw(4)})
case("rmsNorm", lambda x, w: x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * w, {"x": x}, {"w": draw(4)})
case("groupNorm", lambda x, w, b: F.group_norm(x, 2, w, b), {"x": draw(2, 4, 3, 2)}, {"w": draw(4), "b": draw(4)})
case("conv1d", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1), {"x": draw(2, 3, 7)}, {"w": draw(4, 3, 3), "b": draw(4)})
case("conv2d", lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), {"x": draw(1, 4, 4, 5)}, {"w": draw(2, 2, 3, 3), "b": draw(2)})
case("convT2d", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1), {"x": draw(1, 3, 3, 2)}, {"w": draw(3, 2, 3, 3), "b": draw(2)})
case("embedding", lambda places, w: F.embedding(places, w), {"places": torch.tensor([[1, 0, 4], [4, 4, 2]])}, {"w": draw(5, 3)})
case("mha", mha, {"x": x}, {f"w{name}": draw(4, 4) for name in "qkvo"})
case("mlp", lambda x, up_w, up_b, down_w, down_b: F.gelu(x @ up_w + up_b) @ down_w + down_b, {"x": x},
     {"up.w": draw(4, 6), "up.b": draw(6), "down.w": draw(6, 4), "down.b": draw(4)})

logits, classes, target = draw(3, 4, 5), torch.tensor([[0, 1, 4, 2], [3, 3, 0, 1], [2, 4, 4, 0]]), draw(3, 4, 5)
weights = torch.tensor([[1.0, 0, 2, 1], [1, 1, 0, 0], [3, 1, 1, 1]])


def cross_entropy(logits, classes, **settings):
    return F.cross_entropy(logits.reshape(-1, 5), classes.reshape(-1), **settings)


def weighted(logits, classes, weights):
    each = F.cross_entropy(logits.reshape(-1, 5), classes.reshape(-1), reduction="none")
    return (each * weights.detach().reshape(-1)).sum() / weights.detach().sum()


case("crossEntropy", cross_entropy, {"logits": logits, "classes": classes})
case("crossEntropy smoothed", lambda **k: cross_entropy(**k, label_smoothing=0.2), {"logits": logits, "classes": classes})
case("crossEntropy weighted", weighted, {"logits": logits, "classes": classes, "weights": weights})
case("mse", lambda x, target: F.mse_loss(x, target), {"x": logits, "target": target})
case("mae", lambda x, target: F.l1_loss(x, target), {"x": logits, "target": target})
case("huber", lambda x, target: F.huber_loss(x, target, delta=0.7), {"x": logits, "target": target})
case("bce", lambda x, target: F.binary_cross_entropy_with_logits(x, target), {"x": 9 * logits, "target": target.sigmoid().float().double()})
case("kl", lambda p, q: F.kl_div(q, p, reduction="none", log_target=True).sum(-1).mean(),
     {"p": logits.log_softmax(-1).float().double(), "q": target.log_softmax(-1).float().double()})
case("infoNce", info_nce, {"queries": draw(4, 5), "keys": draw(6, 5)})
case("infoNce symmetric", lambda **k: info_nce(**k, symmetric=True), {"queries": draw(4, 5), "keys": draw(4, 5)})



def recurrent(function, order, hidden, x, names):
    """A layer of PyTorch on x[batch, steps, width], from parameters in ONNX's layout and order of gates."""
    both = names["w"].shape[0]

    def theirs(value):
        rows = value.split(hidden)
        return torch.cat([rows[i] for i in order])

    weights = []
    for d in range(both):
        one, other = names["b"][d].chunk(2)
        weights += [theirs(value) for value in (names["w"][d], names["r"][d], one, other)]
    start = torch.zeros(both, x.shape[0], hidden)
    state = (start, start) if len(order) == 4 else start
    return function(x, state, weights, True, 1, 0.0, False, both == 2, True)[0]


def lower_bound(x, bound):
    """The gradient passes above the bound, and where it raises x."""
    class Bound(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=bound)

        @staticmethod
        def backward(ctx, g):
            return g * ((ctx.saved_tensors[0] >= bound) | (g < 0))
    return Bound.apply(x)


def gdn(x, beta, gamma, inverse=False):
    pedestal = 2.0 ** -36
    beta = lower_bound(beta, (1e-6 + pedestal) ** 0.5) ** 2 - pedestal
    gamma = lower_bound(gamma, pedestal ** 0.5) ** 2 - pedestal
    norm = F.conv2d(x ** 2, gamma[:, :, None, None], beta).sqrt()
    return x * norm if inverse else x / norm


def layer(gates, both=1, width=3, hidden=2):
    return {"w": draw(both, gates * hidden, width), "r": draw(both, gates * hidden, hidden), "b": draw(both, 2 * gates * hidden)}


LSTM, GRU = [0, 2, 3, 1], [1, 0, 2]
case("lstm", lambda x, **own: recurrent(torch._VF.lstm, LSTM, 2, x, own), {"x": draw(2, 4, 3)}, layer(4))
case("lstm both ways", lambda x, **own: recurrent(torch._VF.lstm, LSTM, 2, x, own), {"x": draw(2, 3, 3)}, layer(4, 2))
case("gru", lambda x, **own: recurrent(torch._VF.gru, GRU, 2, x, own), {"x": draw(2, 4, 3)}, layer(3))
case("gru both ways", lambda x, **own: recurrent(torch._VF.gru, GRU, 2, x, own), {"x": draw(2, 3, 3)}, layer(3, 2))
image, channels = draw(2, 3, 4, 3), {"w": draw(3), "b": draw(3)}
kept = {"mean": draw(3), "var": draw(3).abs() + 0.5}
case("batchNorm", lambda x, w, b, mean, var: F.batch_norm(x, mean.detach(), var.detach(), w, b), {"x": image}, {**channels, **kept})
case("batchNorm training", lambda x, w, b, mean, var: F.batch_norm(x, None, None, w, b, training=True), {"x": image}, {**channels, **kept})
case("gdn", gdn, {"x": image}, {"beta": draw(3).abs() + 0.5, "gamma": draw(3, 3) * 0.3})
case("gdn inverse", lambda **k: gdn(**k, inverse=True), {"x": image}, {"beta": draw(3), "gamma": draw(3, 3) * 0.3})
case("upsample nearest", lambda x: F.interpolate(x, scale_factor=(2, 3)), {"x": image})
case("upsample linear", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), {"x": image})
case("upsample aligned", lambda x: F.interpolate(x, scale_factor=(2, 3), mode="bilinear", align_corners=True), {"x": image})
case("upsample cubic", lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), {"x": image})

path = Path(__file__).parent.parent / "packages/engine/test/golden/nn.json"
path.write_text(json.dumps(CASES) + "\n")
