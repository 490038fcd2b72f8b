"""Fields (docs/format.md 1.1), checksums, brotli streams, and the one error of this decoder."""

import struct

import brotli


class PithFileError(Exception):
    """The file is damaged, cut, or needs what this decoder does not have."""


def need(condition, message):
    if not condition:
        raise PithFileError(message)


def unzigzag(value):
    return -(value + 1 >> 1) if value & 1 else value >> 1


class Cursor:
    """Reads fields one behind the other; every one must lie within the bytes."""

    def __init__(self, data, what, at=0):
        self.data, self.what, self.at = data, what, at

    def left(self):
        return len(self.data) - self.at

    def bytes(self, count):
        need(count <= self.left(), f'{self.what}: ends too soon, {count} bytes wanted, {self.left()} there')
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self):
        return self.bytes(self.left())

    def end(self):
        need(self.left() == 0, f'{self.what}: {self.left()} bytes behind the end')

    def uint(self, size):
        value = int.from_bytes(self.bytes(size), 'little')
        need(value < 1 << 53, f'{self.what}: a number of 2^53 or more')
        return value

    def u8(self):
        return self.uint(1)

    def u32(self):
        return self.uint(4)

    def varint(self, longer_allowed=False):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 127) << shift
            need(value < 1 << 53 and shift < 70, f'{self.what}: a number of 2^53 or more')
            if byte < 128:
                need(byte or not shift or longer_allowed, f'{self.what}: a varint that is longer than needed')
                return value
            shift += 7

    def varints(self, count):
        return [self.varint() for _ in range(count)]

    def utf8(self, size, most):
        need(size <= most, f'{self.what}: a text of {size} bytes, at most {most} are allowed')
        try:
            return self.bytes(size).decode('utf-8')
        except UnicodeDecodeError as error:
            raise PithFileError(f'{self.what}: a text that is not UTF-8') from error

    def text(self, most=4096):
        return self.utf8(self.varint(), most)

    def name(self):
        name = self.text(255)
        need(name, f'{self.what}: an empty name')
        return name

    def lines(self, count):
        """Texts that each end with LF."""
        texts = []
        for _ in range(count):
            end = self.data.find(b'\n', self.at)
            need(end >= 0, f'{self.what}: texts end too soon')
            texts.append(self.data[self.at : end])
            self.at = end + 1
        return texts


def crc_of_byte(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


CRC_TABLE = [crc_of_byte(value) for value in range(256)]


def crc32c(data):
    table, crc = CRC_TABLE, 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


MASK = 0xFFFFFFFF
P1, P2, P3, P4, P5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1


def turn(value, count):
    return (value << count | (value & MASK) >> 32 - count) & MASK


def xxh32(data):
    """XXH32 with seed 0."""
    hash_, at = P5, 0
    if len(data) >= 16:
        at = len(data) & ~15
        words = struct.unpack(f'<{at // 4}I', data[:at])
        hash_ = 0
        for lane, (start, count) in enumerate(((P1 + P2, 1), (P2, 7), (0, 12), (-P1, 18))):
            for word in words[lane::4]:
                start = start + word * P2 & MASK
                start = (start << 13 | start >> 19) * P1 & MASK
            hash_ += turn(start, count)
    hash_ += len(data)
    while at + 4 <= len(data):
        hash_ = turn(hash_ + int.from_bytes(data[at : at + 4], 'little') * P3 & MASK, 17) * P4
        at += 4
    for byte in data[at:]:
        hash_ = turn(hash_ + byte * P5 & MASK, 11) * P1
    hash_ &= MASK
    hash_ = (hash_ ^ hash_ >> 15) * P2 & MASK
    hash_ = (hash_ ^ hash_ >> 13) * P3 & MASK
    return hash_ ^ hash_ >> 16


def unbrotli(data, length, what):
    """One brotli stream that ends with the data and gives `length` bytes; small pieces keep a bomb from going off."""
    decoder, parts, got = brotli.Decompressor(), [], 0
    # The last byte is a piece of its own, so that a stream that ends before it is seen.
    for piece in [data[at : min(at + 256, len(data) - 1)] for at in range(0, len(data) - 1, 256)] + [data[-1:]]:
        need(not decoder.is_finished(), f'{what}: bytes behind the brotli stream')
        try:
            parts.append(decoder.process(piece))
        except brotli.error as error:
            raise PithFileError(f'{what}: a damaged brotli stream') from error
        got += len(parts[-1])
        need(got <= length, f'{what}: more than the {length} bytes that were promised')
    need(decoder.is_finished() and got == length, f'{what}: {got} bytes in place of {length}')
    return b''.join(parts)
