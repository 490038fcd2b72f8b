#!/usr/bin/python3
"""Make the test vectors of packages/engine/src/io: files written by NumPy and PyTorch, and GGUF blocks.

Needs Debian's python3-numpy and python3-torch. The same bytes come out of each run, legacy.pt apart, which holds an address; the GGUF part
is written after the layouts of the blocks and needs NumPy only.

usage: python3 scripts/make-engine-io-vectors.py [FOLDER]
"""
import io
import json
import os
import struct
import sys
import zipfile

import numpy as np
import torch

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '../packages/engine/test/golden/io')
F32 = np.float32


def save(name, data):
    with open(os.path.join(OUT, name), 'wb') as file:
        file.write(data)


# --- NumPy ---------------------------------------------------------------------------------------------------------

def counting(dtype, shape):
    return (np.arange(int(np.prod(shape))) - 5).astype(dtype).reshape(shape)


def numpy_arrays():
    arrays = {}
    for dtype in ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8']:
        arrays['plain.' + dtype] = counting(dtype, (2, 3))
        arrays['big.' + dtype] = counting(dtype, (2, 3)).astype('>' + dtype)
    arrays['bool'] = np.array([[True, False], [False, True]])
    arrays['scalar'] = np.array(2.5, dtype='f4')
    arrays['empty'] = np.zeros((0, 3), dtype='f4')
    arrays['fortran'] = np.asfortranarray(counting('f4', (2, 3, 4)))
    arrays['vector'] = counting('f4', (7,))
    return arrays


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def numpy_vectors():
    arrays = numpy_arrays()
    for packed in [False, True]:
        out = io.BytesIO()
        (np.savez_compressed if packed else np.savez)(out, **arrays)
        save('packed.npz' if packed else 'stored.npz', fixed_times(out.getvalue()))
    for version in [(1, 0), (2, 0), (3, 0)]:
        save('version-%d.npy' % version[0], npy(counting('f4', (3, 2)), version))
    save('objects.npy', npy_objects())
    save('complex.npy', npy(np.array([1 + 2j])))
    save('records.npy', npy(np.zeros(2, dtype=[('a', 'f4'), ('b', 'i4')])))
    expected = {name: {'shape': list(array.shape), 'dtype': array.dtype.str, 'values': [str(x) for x in array.flatten('C')]}
                for name, array in arrays.items()}
    save('npz.json', (json.dumps(expected, indent=1) + '\n').encode())


def npy_objects():
    out = io.BytesIO()
    np.save(out, np.array([{'a': 1}, None], dtype=object), allow_pickle=True)
    return out.getvalue()


def fixed_times(archive):
    """The same archive with one time, as its directory holds that of the run."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(out, 'w') as target:
        for info in source.infolist():
            fixed = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            fixed.compress_type = info.compress_type
            with target.open(fixed, 'w', force_zip64=True) as file:
                file.write(source.read(info))
    return out.getvalue()


# --- PyTorch -------------------------------------------------------------------------------------------------------

class Evil:
    def __reduce__(self):
        return (os.system, ('true',))


def torch_vectors():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    model[2].bias = torch.nn.Parameter(model[0].bias[:2].clone())
    write_torch('state', model.state_dict())
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {
        'base': base,
        'row': base[1],
        'turned': base.t(),
        'steps': base[::2, 1::2],
        'expanded': torch.tensor([1.5, 2.5]).expand(3, 2),
        'scalar': torch.tensor(7, dtype=torch.int64),
        'empty': torch.zeros(0, 3),
        'parameter': torch.nn.Parameter(torch.ones(2)),
    }
    for name in ['float64', 'float16', 'bfloat16', 'uint8', 'int8', 'int16', 'int32', 'int64', 'bool']:
        tensors[name] = torch.arange(-2, 4).to(getattr(torch, name))
    write_torch('views', tensors)
    write_torch('nested', {
        'epoch': 3, 'rate': 0.25, 'name': 'net', 'done': False, 'none': None, 'big': 2 ** 40, 'huge': 2 ** 70,
        'list': [torch.ones(1), torch.zeros(2)], 'state': {0: {'step': 5, 'avg': torch.full((2,), 0.5)}},
        'shape': torch.Size([2, 3]), 'pair': (1, 'x'), 'dtype': torch.float16,
    })
    write_torch('alone', torch.tensor([1.0, 2.0]), with_values=False)
    write_torch('evil', {'weight': torch.ones(1), 'extra': Evil()}, with_values=False)
    write_torch('module', torch.nn.Linear(2, 2), with_values=False)
    out = io.BytesIO()
    torch.save({'a': torch.ones(2)}, out, _use_new_zipfile_serialization=False)
    save('legacy.pt', out.getvalue())


def write_torch(name, value, with_values=True):
    out = io.BytesIO()
    torch.save(value, out)
    save(name + '.pt', out.getvalue())
    if not with_values:
        return
    found = {}

    def visit(item, path):
        if isinstance(item, torch.Tensor):
            as_float = item.detach().double()
            found[path] = {'shape': list(item.shape), 'dtype': str(item.dtype), 'values': as_float.flatten().tolist()}
        elif isinstance(item, dict):
            for key, inner in item.items():
                visit(inner, '%s.%s' % (path, key) if path else str(key))
        elif isinstance(item, (list, tuple)):
            for i, inner in enumerate(item):
                visit(inner, '%s.%d' % (path, i))

    visit(value, '')
    save(name + '.pt.json', (json.dumps(found, indent=1) + '\n').encode())


# --- GGUF blocks ---------------------------------------------------------------------------------------------------

def halves(block, at):
    """Half-precision numbers at a byte of each block, as f32[blocks, 1]."""
    return np.ascontiguousarray(block[:, at:at + 2]).view(np.float16).astype(F32)


def nibbles(bytes_):
    return bytes_ & 15, bytes_ >> 4


def bit(words, i):
    """Bit i of a bit field of bytes."""
    return (words[:, i >> 3] >> (i & 7)) & 1


def undo_q4_0(b):
    low, high = nibbles(b[:, 2:18].astype(np.int32))
    return halves(b, 0) * (np.hstack([low, high]) - 8).astype(F32)


def undo_q4_1(b):
    low, high = nibbles(b[:, 4:20].astype(np.int32))
    return halves(b, 0) * np.hstack([low, high]).astype(F32) + halves(b, 2)


def fifths(b, at):
    return np.stack([bit(b[:, at:at + 4], i) for i in range(32)], 1).astype(np.int32) << 4


def undo_q5_0(b):
    low, high = nibbles(b[:, 6:22].astype(np.int32))
    return halves(b, 0) * ((np.hstack([low, high]) | fifths(b, 2)) - 16).astype(F32)


def undo_q5_1(b):
    low, high = nibbles(b[:, 8:24].astype(np.int32))
    return halves(b, 0) * (np.hstack([low, high]) | fifths(b, 4)).astype(F32) + halves(b, 2)


def undo_q8_0(b):
    return halves(b, 0) * b[:, 2:34].view(np.int8).astype(F32)


def pairs_of_bits(q):
    """64 bytes: halves of 128 values, each byte two bits of four values that are 32 apart."""
    parts = []
    for half in [q[:, :32], q[:, 32:]]:
        parts += [(half >> shift) & 3 for shift in (0, 2, 4, 6)]
    return np.hstack(parts).astype(np.int32)


def undo_q2_k(b):
    scales = np.repeat(b[:, :16].astype(np.int32), 16, axis=1)
    values = pairs_of_bits(b[:, 16:80])
    return (halves(b, 80) * (scales & 15).astype(F32)) * values.astype(F32) - halves(b, 82) * (scales >> 4).astype(F32)


def undo_q3_k(b):
    hidden = np.hstack([(b[:, :32] >> i) & 1 for i in range(8)]).astype(np.int32)
    values = pairs_of_bits(b[:, 32:96]) - 4 * (1 - hidden)
    packed = b[:, 96:108].astype(np.int32)
    low = np.hstack([packed[:, :8] & 15, packed[:, :8] >> 4])
    high = np.hstack([(packed[:, 8:12] >> shift) & 3 for shift in (0, 2, 4, 6)])
    scales = (low | (high << 4)) - 32
    return (halves(b, 108) * np.repeat(scales, 16, axis=1).astype(F32)) * values.astype(F32)


def scales_and_mins(p):
    """12 bytes: four scales, four minima, four pairs of the low bits of the others, whose top bits are in the first eight."""
    p = p.astype(np.int32)
    scales = np.hstack([p[:, :4] & 63, (p[:, 8:12] & 15) | ((p[:, :4] >> 6) << 4)])
    mins = np.hstack([p[:, 4:8] & 63, (p[:, 8:12] >> 4) | ((p[:, 4:8] >> 6) << 4)])
    return scales, mins


def undo_45_k(b, values):
    scales, mins = scales_and_mins(b[:, 4:16])
    own = halves(b, 0) * np.repeat(scales, 32, axis=1).astype(F32)
    return own * values.astype(F32) - halves(b, 2) * np.repeat(mins, 32, axis=1).astype(F32)


def alternating(q):
    """128 bytes: 32 lower nibbles, then the upper ones of the same bytes."""
    parts = []
    for at in range(0, 128, 32):
        parts += list(nibbles(q[:, at:at + 32]))
    return np.hstack(parts).astype(np.int32)


def undo_q4_k(b):
    return undo_45_k(b, alternating(b[:, 16:144]))


def undo_q5_k(b):
    high = np.hstack([(b[:, 16:48] >> i) & 1 for i in range(8)]).astype(np.int32)
    return undo_45_k(b, alternating(b[:, 48:176]) | (high << 4))


def undo_q6_k(b):
    low = []
    for half in [b[:, :64], b[:, 64:128]]:
        low += [half & 15, half >> 4]
    values = (np.hstack(low).astype(np.int32) | (pairs_of_bits(b[:, 128:192]) << 4)) - 32
    scales = np.repeat(b[:, 192:208].view(np.int8).astype(F32), 16, axis=1)
    return (halves(b, 208) * scales) * values.astype(F32)


UNDO = {
    'Q4_0': (18, undo_q4_0), 'Q4_1': (20, undo_q4_1), 'Q5_0': (22, undo_q5_0), 'Q5_1': (24, undo_q5_1),
    'Q8_0': (34, undo_q8_0), 'Q2_K': (84, undo_q2_k), 'Q3_K': (110, undo_q3_k), 'Q4_K': (144, undo_q4_k),
    'Q5_K': (176, undo_q5_k), 'Q6_K': (210, undo_q6_k),
}
SCALE_PLACES = {'Q4_0': [0], 'Q4_1': [0, 2], 'Q5_0': [0], 'Q5_1': [0, 2], 'Q8_0': [0], 'Q2_K': [80, 82], 'Q3_K': [108],
                'Q4_K': [0, 2], 'Q5_K': [0, 2], 'Q6_K': [208]}


def to_half(x):
    return np.asarray(x, F32).astype(np.float16)


def near(x):
    return np.rint(np.asarray(x, F32)).astype(np.int64)


def as_bytes(*parts):
    return np.concatenate([np.ascontiguousarray(part).view(np.uint8).reshape(-1) for part in parts])


def quantise_q4_0(x):
    peak = x[np.argmax(np.abs(x))]
    scale = F32(peak / F32(-8))
    inverse = F32(1) / scale if scale != 0 else F32(0)
    q = np.minimum(15, np.trunc(x * inverse + F32(8.5)).astype(np.int64))
    return as_bytes(to_half(scale), (q[:16] | (q[16:] << 4)).astype(np.uint8))


def quantise_q4_1(x):
    low = x.min()
    scale = F32((x.max() - low) / F32(15))
    inverse = F32(1) / scale if scale != 0 else F32(0)
    q = np.minimum(15, np.trunc((x - low) * inverse + F32(0.5)).astype(np.int64))
    return as_bytes(to_half(scale), to_half(low), (q[:16] | (q[16:] << 4)).astype(np.uint8))


def quantise_q8_0(x):
    scale = F32(np.abs(x).max() / F32(127))
    inverse = F32(1) / scale if scale != 0 else F32(0)
    y = (x * inverse).astype(np.float64)
    q = np.sign(y) * np.floor(np.abs(y) + 0.5)
    return as_bytes(to_half(scale), q.astype(np.int8))


def total(terms):
    """Sum of f32 from the first to the last, rounded each time."""
    result = F32(0)
    for term in terms:
        result = F32(result + term)
    return result


def fit_affine(x, w):
    low, high = min(x.min(), F32(0)), x.max()
    levels = np.zeros(32, np.int64)
    if low == high:
        return F32(0), F32(-low), levels
    sum_w, sum_x = total(w), total(w * x)

    def tried(inverse):
        return np.clip(near(inverse * (x - low)), 0, 15)

    def error(scale, offset, q):
        d = scale * q.astype(F32) + offset - x
        return total(w * (d * d))

    inverse = F32(15) / (high - low)
    scale = F32(1) / inverse
    levels = tried(inverse)
    best = error(scale, low, levels)
    for step in range(21):
        inverse = (F32(-1) + F32(0.1) * F32(step) + F32(15)) / (high - low)
        q = tried(inverse)
        l = q.astype(F32)
        sum_l, sum_l2, sum_xl = total(w * l), total(w * l * l), total(w * l * x)
        d = sum_w * sum_l2 - sum_l * sum_l
        if not d > 0:
            continue
        own, offset = (sum_w * sum_xl - sum_x * sum_l) / d, (sum_l2 * sum_x - sum_l * sum_xl) / d
        if offset > 0:
            own, offset = sum_xl / sum_l2, F32(0)
        e = error(own, offset, q)
        if e < best:
            best, scale, low, levels = e, own, offset, q
    return scale, F32(-low), levels


def quantise_q4_k(x):
    fits = []
    for group in x.reshape(8, 32):
        mean = np.sqrt(total(group * group) / F32(32))
        fits.append(fit_affine(group, mean + np.abs(group)))
    scales, mins = np.array([s for s, _, _ in fits], F32), np.array([m for _, m, _ in fits], F32)
    # Adding zero makes a negative zero positive.
    top, low = max(scales.max(), F32(0)) + F32(0), max(mins.max(), F32(0)) + F32(0)
    s = np.clip(near((F32(63) / top if top > 0 else F32(0)) * scales), 0, 63)
    m = np.clip(near((F32(63) / low if low > 0 else F32(0)) * mins), 0, 63)
    packed = np.concatenate([s[:4] | ((s[4:] >> 4) << 6), m[:4] | ((m[4:] >> 4) << 6), (s[4:] & 15) | ((m[4:] & 15) << 4)])
    d, dmin = to_half(top / F32(63)), to_half(low / F32(63))
    q = []
    for group, (_, _, levels), own, offset in zip(x.reshape(8, 32), fits, d.astype(F32) * s.astype(F32),
                                                  dmin.astype(F32) * m.astype(F32)):
        q.append(levels if own == 0 else np.clip(near((group + offset) / own), 0, 15))
    body = np.concatenate([q[i] | (q[i + 1] << 4) for i in range(0, 8, 2)])
    return as_bytes(d, dmin, packed.astype(np.uint8), body.astype(np.uint8))


def fit_scale(x):
    peak = x[np.argmax(np.abs(x))]
    if np.abs(peak) < F32(1e-15):
        return F32(0), np.zeros(16, np.int64)
    w = x * x
    scale = best = levels = None
    for step in [0] + [i for i in range(-9, 10) if i != 0]:
        q = np.clip(near(-(F32(32) + F32(0.1) * F32(step)) / peak * x), -32, 31)
        l = q.astype(F32)
        products, squares = total(w * x * l), total(w * l * l)
        if best is None or (squares > 0 and products * products > best * squares):
            scale = products / squares if squares != 0 else F32(0)
            best, levels = scale * products, q + 32
    return scale, levels


def quantise_q6_k(x):
    fits = [fit_scale(group) for group in x.reshape(16, 16)]
    scales = np.array([s for s, _ in fits], F32)
    peak = scales[np.argmax(np.abs(scales))]
    if np.abs(peak) < F32(1e-15):
        return np.zeros(210, np.uint8)
    inverse = F32(-128) / peak
    d = to_half(F32(1) / inverse)
    multiples = np.minimum(127, near(inverse * scales))
    q = []
    for group, (_, levels), own in zip(x.reshape(16, 16), fits, d.astype(F32) * multiples.astype(F32)):
        q.append(levels if own == 0 else np.clip(near(group / own), -32, 31) + 32)
    q = np.concatenate(q)
    low, high = [], []
    for h in q.reshape(2, 128):
        low.append((h[:64] & 15) | ((h[64:] & 15) << 4))
        high.append(sum((h[32 * i:32 * i + 32] >> 4) << (2 * i) for i in range(4)))
    return as_bytes(np.concatenate(low + high).astype(np.uint8), multiples.astype(np.int8), d)


QUANTISE = {'Q4_0': (32, quantise_q4_0), 'Q4_1': (32, quantise_q4_1), 'Q8_0': (32, quantise_q8_0),
            'Q4_K': (256, quantise_q4_k), 'Q6_K': (256, quantise_q6_k)}


def sample_values():
    rng = np.random.RandomState(7)
    rows = [rng.standard_normal(256), 0.02 * rng.standard_normal(256), rng.uniform(0, 1, 256), rng.uniform(-3, -1, 256),
            np.zeros(256), np.full(256, 0.3), np.where(np.arange(256) % 37 == 0, 8.0, 0.001 * rng.standard_normal(256)),
            rng.laplace(size=256), 1e-6 * rng.standard_normal(256), np.arange(256) - 128.0,
            np.where(np.arange(256) < 64, 0, rng.standard_normal(256)), 300 * rng.standard_normal(256)]
    rows += [scale * rng.standard_normal(256) for scale in np.geomspace(1e-3, 10, 20)]
    return np.concatenate(rows).astype(F32)


def gguf_vectors():
    values = sample_values()
    save('values.f32', values.tobytes())
    for name, (size, quantise) in QUANTISE.items():
        save('made.' + name, np.concatenate([quantise(block) for block in values.reshape(-1, size)]).tobytes())
    rng = np.random.RandomState(11)
    for name, (size, undo) in UNDO.items():
        blocks = rng.randint(0, 256, (24, size)).astype(np.uint8)
        for place in SCALE_PLACES[name]:
            scales = rng.standard_normal((24, 1)).astype(np.float16)
            scales[0] = 0
            scales[1] = np.float16(6e-8)
            scales[2] = np.float16(1000)
            blocks[:, place:place + 2] = scales.view(np.uint8)
        save('blocks.' + name, blocks.tobytes())
        save('blocks.%s.f32' % name, undo(blocks).astype(F32).tobytes())


def text(value):
    data = value.encode()
    return struct.pack('<Q', len(data)) + data


def gguf_file(version, by_key, name):
    """A small file, put together field by field, with the values as they come here or sorted by key."""
    values = sample_values()
    blocks = np.concatenate([quantise_q8_0(block) for block in values[:128].reshape(-1, 32)]).tobytes()
    plain = np.arange(6, dtype=F32).tobytes()
    metadata = [
        text('general.architecture') + struct.pack('<I', 8) + text('tiny'),
        text('a.u8') + struct.pack('<IB', 0, 200), text('a.i8') + struct.pack('<Ib', 1, -100),
        text('a.u16') + struct.pack('<IH', 2, 60000), text('a.i16') + struct.pack('<Ih', 3, -30000),
        text('a.u32') + struct.pack('<II', 4, 4000000000), text('a.i32') + struct.pack('<Ii', 5, -2000000000),
        text('a.f32') + struct.pack('<If', 6, 0.5), text('a.bool') + struct.pack('<IB', 7, 1),
        text('a.u64') + struct.pack('<IQ', 10, 2 ** 63 + 1), text('a.i64') + struct.pack('<Iq', 11, -2 ** 62),
        text('a.f64') + struct.pack('<Id', 12, 0.1),
        text('a.texts') + struct.pack('<IIQ', 9, 8, 2) + text('one') + text('zwölf'),
        text('a.numbers') + struct.pack('<IIQ3i', 9, 5, 3, 1, -2, 3),
        text('a.nested') + struct.pack('<IIQ', 9, 9, 2) + struct.pack('<IQ2B', 0, 2, 7, 8) + struct.pack('<IQB', 0, 1, 9),
        text('general.alignment') + struct.pack('<II', 4, 64),
    ]
    if by_key:
        # Keys stand behind the eight bytes of their length; no key is the start of another.
        metadata = metadata[:1] + sorted(metadata[1:], key=lambda item: item[8:])
    infos = (text('blocks') + struct.pack('<I2QIQ', 2, 64, 2, 8, 0) +
             text('plain') + struct.pack('<I2QIQ', 2, 3, 2, 0, 192))
    head = struct.pack('<IIQQ', 0x46554747, version, 2, len(metadata)) + b''.join(metadata) + infos
    head += bytes(-len(head) % 64)
    save(name, head + blocks + bytes(-len(blocks) % 64) + plain + bytes(-len(plain) % 64))


os.makedirs(OUT, exist_ok=True)
numpy_vectors()
torch_vectors()
gguf_vectors()
gguf_file(2, False, 'tiny.gguf')
gguf_file(3, True, 'sorted.gguf')
