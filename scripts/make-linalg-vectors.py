"""Makes packages/engine/test/golden/linalg.json with numpy: python3 scripts/make-linalg-vectors.py"""

import itertools
import json
import pathlib

import numpy as np

rng = np.random.default_rng(11)


def draw(rows, cols):
    """Short decimals, so that the file holds exactly what was computed with."""
    return np.round(rng.standard_normal((rows, cols)), 3)


def listed(x):
    return np.asarray(x, dtype=np.float64).tolist()


def factor(a):
    q, r = np.linalg.qr(a)
    signs = np.where(np.diag(r) < 0, -1.0, 1.0)
    return {"a": listed(a), "q": listed(q * signs), "r": listed(r * signs[:, None])}


def least(a, b, ridge):
    n = a.shape[1]
    tall = np.vstack([a, np.sqrt(ridge) * np.eye(n)])
    x, _, rank, _ = np.linalg.lstsq(tall, np.vstack([b, np.zeros((n, b.shape[1]))]), rcond=None)
    return {"a": listed(a), "b": listed(b), "ridge": ridge, "x": listed(x), "rank": int(rank)}


def not_negative(a, b):
    """The best of all choices of columns whose least squares solution is not negative."""
    best, found = np.linalg.norm(b), np.zeros(a.shape[1])
    for size in range(1, a.shape[1] + 1):
        for chosen in itertools.combinations(range(a.shape[1]), size):
            x, *_ = np.linalg.lstsq(a[:, chosen], b, rcond=None)
            rest = np.linalg.norm(a[:, chosen] @ x - b)
            if (x >= 0).all() and rest < best:
                best, found = rest, np.zeros(a.shape[1])
                found[list(chosen)] = x
    return {"a": listed(a), "b": listed(b), "x": listed(found), "residual": float(best)}


def nearest(a, b):
    u, s, vt = np.linalg.svd(a.T @ b)
    return {"a": listed(a), "b": listed(b), "rotation": listed(u @ vt), "scale": float(s.sum() / (a * a).sum())}


def factors(a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return {"a": listed(a), "unitary": listed(u @ vt), "positive": listed(vt.T * s @ vt)}


def components(x, k):
    centred = x - x.mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    vt = vt * np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(1)])[:, None]
    return {
        "x": listed(x),
        "k": k,
        "mean": listed(x.mean(0)),
        "components": listed(vt[:k]),
        "variances": listed((s**2 / (len(x) - 1))[:k]),
        "shares": listed((s**2 / (s**2).sum())[:k]),
    }


hilbert = np.array([[1 / (i + j + 1) for j in range(8)] for i in range(8)])
deficient = np.outer(np.arange(1, 7), [1, 2, 3, 4]) + np.outer(np.ones(6), [1, 0, 1, 0])
symmetric = draw(9, 9)
symmetric = np.round(symmetric + symmetric.T, 3)
square = draw(6, 6)
definite = np.round(square @ square.T + 0.5 * np.eye(6), 3)

vectors = {
    "singular": [
        {"a": listed(a), "s": listed(np.linalg.svd(a, compute_uv=False))}
        for a in [draw(7, 5), draw(4, 9), hilbert, deficient, draw(1, 1), draw(30, 3)]
    ],
    "eigen": [{"a": listed(a), "values": listed(np.linalg.eigvalsh(a)[::-1])} for a in [symmetric, hilbert, definite]],
    "cholesky": [
        {"a": listed(definite), "lower": listed(np.linalg.cholesky(definite)), "inverse": listed(np.linalg.inv(definite))}
    ],
    "qr": [factor(a) for a in [draw(6, 4), draw(3, 5), draw(4, 4)]],
    "solve": [{"a": listed(square), "b": listed(b), "x": listed(np.linalg.solve(square, b))} for b in [draw(6, 2)]],
    "lstsq": [
        least(draw(8, 3), draw(8, 2), 0.0),
        least(draw(3, 5), draw(3, 1), 0.0),
        least(deficient, draw(6, 1), 0.0),
        least(draw(8, 3), draw(8, 2), 0.7),
        least(draw(3, 5), draw(3, 1), 0.1),
    ],
    "pinv": [{"a": listed(a), "inverse": listed(np.linalg.pinv(a, rcond=1e-13))} for a in [draw(5, 3), draw(2, 4), deficient]],
    "nnls": [not_negative(draw(8, 5), draw(8, 1)[:, 0]), not_negative(draw(5, 7), draw(5, 1)[:, 0])],
    "procrustes": [nearest(draw(9, 4), draw(9, 4))],
    "polar": [factors(draw(4, 4)), factors(draw(6, 3))],
    "pca": [components(draw(12, 5), 3)],
}
target = pathlib.Path(__file__).parent.parent / "packages/engine/test/golden/linalg.json"
target.write_text(json.dumps(vectors) + "\n")
