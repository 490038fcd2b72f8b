"""The container, part 1 of docs/format.md: from the bytes of a file to entries with their sections and blocks.

Entries are read by random access: by the last TAIL, its index, and its journal (1.7).
"""

from fields import Cursor, PithFileError, crc32c, need, unzigzag

MAGIC = b'\x89PTH\r\n\x1a\n'
SYNC = b'\xf5pc\xff'
SOLO, SOLO_CRCS, SOLO_LENGTH = 1, 2, 4
KINDS = ('file', 'folder', 'link')
CODECS = ('', 'stored', 'general', 'logzip')


class Block:
    """A block of a section; `load` gives its payload or says what is wrong with it."""

    def __init__(self, raw, keys, profile, load):
        self.raw, self.keys, self.profile, self.load = raw, keys, profile, load


class Entry:
    def __init__(self, number, head):
        """Read the fields of HEAD, 1.3.1."""
        self.number = number
        flags, codec = head.u8(), head.u8()
        need(flags & 3 < 3 and codec < 4, f'{head.what}: kind {flags & 3}, codec {codec} are not known')
        self.kind = KINDS[flags & 3]
        self.codec = CODECS[codec] or head.name()
        self.version = head.varint() if flags & 128 else 1
        self.path = head.text() if flags & 4 else None
        self.mode = head.varint() if flags & 8 else None
        need(self.mode is None or self.mode < 4096, f'{head.what}: mode {self.mode}')
        self.mtime = unzigzag(head.varint()) if flags & 16 else None
        meta = head.varint() if flags & 32 else 0
        need(meta <= 65536, f'{head.what}: meta of {meta} bytes')
        self.meta = head.bytes(meta)
        self.external = head.bytes(32) if flags & 64 else None
        self.link = head.text() if self.kind == 'link' else None
        self.length = None  # if it is not the sum over blocks
        self.sections = []  # names, by their numbers from 1
        self.blocks = {}  # (number of section, variant) -> blocks
        self.profiles = []  # functions that give the bytes of versions 1, 2, ...

    def of(self, section):
        """The blocks of a section, of variant 0."""
        return self.blocks.get((self.sections.index(section) + 1, 0), []) if section in self.sections else []

    def decoded_length(self):
        sums = (block.raw for (_, variant), blocks in self.blocks.items() if variant == 0 for block in blocks)
        return sum(sums) if self.length is None else self.length

    def add_section(self, name):
        need(name not in self.sections, f'entry {self.number}: two sections are named {name}')
        self.sections.append(name)

    def add_block(self, section, variant, number, block):
        blocks = self.blocks.setdefault((section, variant), [])
        need(1 <= section <= len(self.sections), f'entry {self.number}: a block without its section')
        need(number == len(blocks), f'entry {self.number}: block {number} comes in place of {len(blocks)}')
        need(block.profile <= len(self.profiles), f'entry {self.number}: there is no profile {block.profile}')
        blocks.append(block)


def read_container(data):
    """All entries of a file, by ascending number."""
    need(data[:8] == MAGIC, 'this is no .pith file, or a transfer as text has changed its bytes')
    need(len(data) >= 16, 'the file is cut behind its magic')
    version, flags = data[8:10]
    need(version == 1, f'format version {version} is not known, only 1 is')
    need(flags in (0, 1, 3, 5, 7), f'flags {flags} of the file are not known')
    tail = find_tail(data)
    if not flags:
        need(data[10:12] == b'\0\0' and crc32c(data[:12]) == Cursor(data, 'file', 12).u32(), 'file: bad CRC of its start')
        need(tail, 'the file was cut: it has no commit')
    return read_commit(data, tail, flags) if tail else [read_solo(data, flags)]


# The solo form, 1.4


def read_solo(data, flags):
    need(len(data) <= 65536, 'a file in the solo form has more than 65536 bytes')
    need(crc32c(data[:-4]) == int.from_bytes(data[-4:], 'little'), 'file: bad CRC')
    at = Cursor(data[:-4], 'solo form', 10)
    entry = Entry(1, at)
    counts = at.varint()
    profiles = counts & 3 if counts & 3 < 3 else 3 + at.varint()
    need(profiles + (counts >> 3) <= len(data), 'solo form: more blocks and profiles than bytes')
    entry.length = at.varint() if flags & SOLO_LENGTH else None
    profile_lengths = at.varints(profiles)
    summary_length = at.varint() if counts & 4 else 0
    key_end, records = 0, []
    for _ in range(counts >> 3):
        record, key_end = read_solo_record(at, entry, profiles, key_end)
        records.append(record)
    if flags & SOLO_CRCS:
        need(crc32c(at.data[: at.at]) == at.u32(), 'solo form: bad CRC of the directory')
    entry.profiles = [keep(at.bytes(length)) for length in profile_lengths]
    at.bytes(summary_length)
    numbers = {}
    for section, variant, length, raw, keys, profile in records:
        payload = at.bytes(length)
        need(not flags & SOLO_CRCS or crc32c(payload) == at.u32(), 'solo form: bad CRC of a block')
        number = numbers[section, variant] = numbers.get((section, variant), -1) + 1
        entry.add_block(section, variant, number, Block(raw, keys, profile, keep(payload)))
    at.end()
    return entry


def keep(value):
    return lambda: value


def read_solo_record(at, entry, profiles, key_end):
    flags = at.u8()
    section = flags & 7 if flags & 7 < 7 else 7 + at.varint()
    need(section <= len(entry.sections), 'solo form: a section number is skipped')
    if section == len(entry.sections):
        first = at.u8()
        need(first >= 2, 'solo form: bad length of a name')
        entry.add_section(chr(first - 128) if first >= 128 else at.utf8(at.u8() if first == 127 else first, 255))
    length, raw = at.varint(), at.varint() if flags & 8 else 0
    need(flags & 16 or not flags & 128, 'solo form: a first key without keys')
    first = at.varint() if flags & 128 else key_end
    keys = (first, at.varint()) if flags & 16 else None
    profile = at.varint() if flags & 32 else profiles
    variant = at.u8() if flags & 64 else 0
    return (section + 1, variant, length, raw, keys, profile), sum(keys) if keys else key_end


# The chunked form, 1.3 and 1.6


class Chunk:
    """A chunk whose header agrees; whether its CRC does is found out when the payload is wanted."""

    def __init__(self, data, at):
        self.data, self.at, head = data, at, Cursor(data[at : at + 24], f'chunk at {at}')
        sync, self.type, self.entry, self.length = head.bytes(4), head.bytes(4), head.u32(), head.uint(8)
        self.section = head.uint(2)
        need(sync == SYNC and head.uint(2) == crc32c(head.data[:22]) & 0xFFFF, f'{head.what}: bad header')
        self.end = at + 28 + self.length
        need(self.end <= len(data), f'{head.what}: it ends behind the file')
        self.crc = int.from_bytes(data[self.end - 4 : self.end], 'little')

    def unchecked(self):
        return Cursor(self.data[self.at + 24 : self.end - 4], f'{self.type.decode("latin-1")} at {self.at}')

    def cursor(self):
        need(crc32c(self.data[self.at : self.end - 4]) == self.crc, f'chunk at {self.at}: bad CRC')
        return self.unchecked()


def find_tail(data):
    """The last chunk that is a valid TAIL."""
    at = len(data)
    while (at := data.rfind(SYNC + b'TAIL', 0, at)) >= 0:
        try:
            chunk = Chunk(data, at)
            if chunk.length == 56 and int.from_bytes(chunk.cursor().data[8:16], 'little') == at:
                return chunk
        except PithFileError:
            pass
    return None


def read_commit(data, tail, flags):
    at = tail.cursor()
    need(at.u32() == 1, 'TAIL: its version or flags are not known')
    _, _, _, root, root_length = at.u32(), at.uint(8), at.uint(8), at.uint(8), at.u32()
    totals = [at.u32(), at.uint(8), at.uint(8)]
    need(root or not flags, 'TAIL: an extended file in the solo form has no index')
    entries = read_root(data[: tail.at], root) if root else {}
    start = root + root_length if root else 16
    need(0 <= tail.at - start <= 1048576, 'TAIL: its journal is too long')
    while start < tail.at:
        chunk = Chunk(data, start)
        start = chunk.end
        need(start <= tail.at, f'chunk at {chunk.at}: it ends behind its commit')
        if not (chunk.type in (b'INDX', b'TAIL') or chunk.type[:1].islower()):
            apply_chunk(chunk, entries)
    result = [entries[number] for number in sorted(entries)]
    blocks = sum(len(blocks) for entry in result for blocks in entry.blocks.values())
    found = [len(result), blocks, sum(entry.decoded_length() for entry in result)]
    need(found == totals, f'TAIL: entries, blocks and bytes are {found} in place of {totals}')
    return result


def apply_chunk(chunk, entries):
    at = chunk.unchecked() if chunk.type == b'BLOK' else chunk.cursor()
    if chunk.type == b'HEAD':
        need(chunk.entry > max(entries, default=0), f'{at.what}: entry {chunk.entry} is not a new one')
        entries[chunk.entry] = Entry(chunk.entry, at)
        at.end()
        return
    need(chunk.type in (b'PROF', b'BLOK', b'FILT', b'DONE'), f'{at.what}: this type of chunk must not be there')
    need(chunk.entry in entries, f'{at.what}: there is no entry {chunk.entry}')
    entry = entries[chunk.entry]
    if chunk.type == b'BLOK':
        variant, number, name, block = read_block(at, chunk)
        if chunk.section == len(entry.sections) + 1:
            need(name, f'{at.what}: a new section without a name')
            entry.add_section(name)
        entry.add_block(chunk.section, variant, number, block)
        need(name in (None, entry.sections[chunk.section - 1]), f'{at.what}: another name than its section has')
    elif chunk.type == b'PROF':
        need(at.varint() == len(entry.profiles) + 1, f'{at.what}: versions of profiles do not follow each other')
        entry.profiles.append(keep(at.rest()))
    elif chunk.type == b'DONE':
        entry.length = at.varint()


def read_block(at, chunk):
    """The fields of BLOK, 1.3.2: variant, number, name, and the block."""
    flags, number = at.u8(), at.varint()
    need(flags < 32, f'{at.what}: flags {flags} are not known')
    name = at.name() if flags & 1 else None
    raw = at.varint()
    keys = at.varints(2) if flags & 2 else None
    variant = at.u8() if flags & 4 else 0
    profile = at.varint() if flags & 8 else 0
    prefix = at.at
    return variant, number, name, Block(raw, keys, profile, lambda: chunk.cursor().data[prefix:])


# The index, 1.5


def read_page(data, position, kind):
    chunk = Chunk(data, position)
    at = chunk.cursor()
    need(chunk.type == b'INDX' and at.u8() == kind, f'index: no page of kind {kind} at {position}')
    return at


def read_root(data, root):
    """The entries of the index; `data` ends with the commit."""
    entries, rows, at = {}, {}, read_page(data, root, 0)
    for _ in range(at.varint()):
        page = at.varints(5)[0]
        at.text(), at.text()
        read_entries(read_page(data, page, 2), data, entries)
    read_entries(at, data, entries)
    for _ in range(at.varint()):
        read_rows(read_page(data, at.varints(7)[0], 1), data, rows)
    read_rows(at, data, rows)
    for (entry, section, variant, number), block in sorted(rows.items()):
        need(entry in entries, f'index: a row of entry {entry}, which is not there')
        entries[entry].add_block(section, variant, number, block)
    return entries


def read_entries(at, data, entries):
    number = 0
    for _ in range(at.varint()):
        number += at.varint()
        entry = entries[number] = Entry(number, at)
        entry.length = at.varint()
        for _ in range(at.varint()):
            entry.add_section(at.name())
            at.varints(2 * at.varint())
        entry.profiles = [read_profile(data, at.varint(), at.varint(), at.u32()) for _ in range(at.varint())]
        if at.u8():
            at.varints(2), at.u32()


def read_profile(data, position, length, crc):
    def load():
        chunk = Chunk(data, position)
        at = chunk.cursor()
        need((chunk.type, chunk.length, chunk.crc) == (b'PROF', length, crc), f'{at.what}: not what the index says')
        at.varint()
        return at.rest()

    return load


def read_rows(at, data, rows):
    place, profile, prefix, end, key_end = [0, 0, 0, 0], 0, 0, 0, 0
    for _ in range(at.varint()):
        flags, last = at.u8(), place
        need(flags < 128 and flags & 48 != 48, f'{at.what}: flags {flags} of a row are not known')
        place = [*last[:3], last[3] + 1] if flags & 1 else [last[0] + at.varint(), *at.varints(3)]
        profile = profile if flags & 2 else at.varint()
        prefix = prefix if flags & 4 else at.varint()
        position = end if flags & 8 else end + unzigzag(at.varint())
        stored, raw = at.varints(2)
        first = at.varint() if flags & 32 else key_end
        keys = (first, at.varint()) if flags & 48 else None
        key_end = sum(keys) if keys else key_end
        end = position + 28 + prefix + stored
        need(place > last and 0 <= position and end <= len(data), f'{at.what}: a row out of order or beyond the end')
        need(tuple(place) not in rows, f'{at.what}: a row stands twice')
        rows[tuple(place)] = Block(raw, keys, profile, block_loader(data, place, position, prefix, stored, at.u32()))


def block_loader(data, place, position, prefix, stored, crc):
    def load():
        chunk = Chunk(data, position)
        at = chunk.cursor()
        variant, number, _, _ = read_block(at, chunk)
        seen = (chunk.type, [chunk.entry, chunk.section, variant, number], at.at, chunk.length, chunk.crc)
        need(seen == (b'BLOK', place, prefix, prefix + stored, crc), f'{at.what}: not what the index says')
        return at.rest()

    return load
