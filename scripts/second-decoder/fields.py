"""Bytes and fields of docs/format.md 1.1: integers, texts, the CRC, and the one error of this decoder."""


class PithFileError(Exception):
    """The file is damaged, cut, or needs what this decoder does not have."""


def need(condition, message):
    if not condition:
        raise PithFileError(message)


def make_crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    table, crc = CRC_TABLE, 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


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

    def uint(self, count):
        value = int.from_bytes(self.bytes(count), 'little')
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

    def zigzag(self):
        return unzigzag(self.varint())

    def text(self, most):
        count = self.varint()
        need(count <= most, f'{self.what}: a text of {count} bytes, at most {most} are allowed')
        return self.utf8(count)

    def utf8(self, count):
        try:
            return self.bytes(count).decode('utf-8')
        except UnicodeDecodeError as error:
            raise PithFileError(f'{self.what}: a text that is not UTF-8') from error

    def name(self):
        name = self.text(255)
        need(name, f'{self.what}: an empty name')
        return name

    def rest(self):
        return self.bytes(self.left())

    def end(self):
        need(self.left() == 0, f'{self.what}: {self.left()} bytes behind the end')


def unzigzag(value):
    return -(value + 1 >> 1) if value & 1 else value >> 1
