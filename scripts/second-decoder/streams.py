"""Packed streams (docs/format.md 2.2) and XXH32."""

import brotli

from fields import Cursor, PithFileError, need

PIECE = 256
P1, P2, P3, P4, P5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
MASK = 0xFFFFFFFF


def unbrotli(data, length, what):
    """One brotli stream that ends with the data and gives `length` bytes; small pieces keep a bomb from going off."""
    need(data, f'{what}: an empty brotli stream')
    decoder, parts, got = brotli.Decompressor(), [], 0
    # The last byte is a piece of its own, so that a stream that ends before it is seen.
    for at in [*range(0, len(data) - 1, PIECE), len(data) - 1]:
        need(not decoder.is_finished(), f'{what}: bytes behind the brotli stream')
        try:
            parts.append(decoder.process(data[at : min(at + PIECE, len(data) - 1) if at < len(data) - 1 else len(data)]))
        except brotli.error as error:
            raise PithFileError(f'{what}: a damaged brotli stream') from error
        got += len(parts[-1])
        need(got <= length, f'{what}: more than the {length} bytes that were promised')
    need(decoder.is_finished() and got == length, f'{what}: {got} bytes in place of {length}')
    return b''.join(parts)


def unpack(data, what, most):
    """The form and the bytes of a packed stream."""
    at = Cursor(data, what)
    method = at.u8()
    need(method & 15 < 2, f'{what}: method {method & 15}; this decoder reads levels fast and default only')
    length = at.varint()
    need(length <= most, f'{what}: {length} bytes, more than the {most} allowed')
    body = at.rest()
    if method & 15 == 1:
        return method >> 4, unbrotli(body, length, what)
    need(len(body) == length, f'{what}: {len(body)} bytes in place of {length}')
    return method >> 4, body


def xxh32(data):
    """XXH32 with seed 0."""
    size, at = len(data), 0
    if size >= 16:
        a, b, c, d = P1 + P2 & MASK, P2, 0, -P1 & MASK
        words = memoryview(data)[: size & ~15].cast('I')
        for i in range(0, len(words), 4):
            a = a + words[i] * P2 & MASK
            a = (a << 13 | a >> 19) * P1 & MASK
            b = b + words[i + 1] * P2 & MASK
            b = (b << 13 | b >> 19) * P1 & MASK
            c = c + words[i + 2] * P2 & MASK
            c = (c << 13 | c >> 19) * P1 & MASK
            d = d + words[i + 3] * P2 & MASK
            d = (d << 13 | d >> 19) * P1 & MASK
        at = size & ~15
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
    else:
        h = P5
    h = h + size & MASK
    while at + 4 <= size:
        h = rotate(h + int.from_bytes(data[at : at + 4], 'little') * P3 & MASK, 17) * P4 & MASK
        at += 4
    for byte in data[at:]:
        h = rotate(h + byte * P5 & MASK, 11) * P1 & MASK
    h = (h ^ h >> 15) * P2 & MASK
    h = (h ^ h >> 13) * P3 & MASK
    return h ^ h >> 16


def rotate(value, count):
    return (value << count | value >> 32 - count) & MASK
