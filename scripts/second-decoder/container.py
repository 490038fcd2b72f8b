"""The container, part 1 of docs/format.md: from the bytes of a file to entries with their sections and blocks."""

import re

from fields import Cursor, PithFileError, crc32c, need

MAGIC = b'\x89PTH\r\n\x1a\n'
SYNC = b'\xf5pc\xff'
SOLO, SOLO_LENGTH, SOLO_CRCS = 1, 4, 2
KINDS = ('file', 'folder', 'link')
CODECS = {1: 'stored', 2: 'general', 3: 'logzip'}
DEVICE = re.compile(r'(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3]) *([.:].*)?', re.I | re.S)


class Block:
    """One block of a section; `load` gives its payload or says what is wrong with it."""

    def __init__(self, raw, keys, profile, load):
        self.raw, self.keys, self.profile, self.load = raw, keys, profile, load


class Entry:
    def __init__(self, number):
        self.number = number
        self.kind, self.codec, self.version = 'file', 'stored', 1
        self.path = self.link = self.mode = self.mtime = self.meta = self.external = self.summary = self.length = None
        self.sections = []  # names, in the order of their numbers from 1
        self.blocks = {}  # (section name, variant) -> list of Block
        self.profiles = []  # functions that give the bytes of versions 1, 2, ...

    def of(self, section):
        return self.blocks.get((section, 0), [])

    def decoded_length(self):
        if self.length is not None:
            return self.length
        return sum(block.raw for (_, variant), list_ in self.blocks.items() if variant == 0 for block in list_)

    def add_section(self, name):
        need(name not in self.sections, f'entry {self.number}: two sections are named {name}')
        self.sections.append(name)

    def add_block(self, section, variant, block):
        self.blocks.setdefault((self.sections[section - 1], variant), []).append(block)


def read_container(data):
    """All entries of a file, by ascending number."""
    need(data[:8] == MAGIC, 'this is no .pith file, or a transfer as text has changed its bytes')
    need(len(data) >= 10, 'the file is cut behind its magic')
    need(data[8] == 1, f'format version {data[8]} is not known, only 1 is')
    flags = data[9]
    need(flags <= 7 and (flags & SOLO or flags == 0), f'flags {flags} of the file are not known')
    tail = find_tail(data)
    if tail is None:
        need(flags & SOLO, 'the file was cut: it has no commit')
        entries = [read_solo(data, flags)]
    else:
        if not flags & SOLO:
            need(data[10:12] == b'\0\0' and crc32c(data[:12]) == Cursor(data, 'prelude', 12).u32(), 'prelude: bad CRC')
        entries = read_commit(data, tail, flags)
    check_paths(entries)
    return entries


# Solo form, 1.4


def read_solo(data, flags):
    need(len(data) <= 65536, 'a file in the solo form has more than 65536 bytes')
    need(len(data) >= 14 and crc32c(data[:-4]) == Cursor(data, 'file', len(data) - 4).u32(), 'file: bad CRC')
    at = Cursor(data[:-4], 'solo form', 10)
    entry = Entry(1)
    read_head(at, entry)
    counts = at.varint()
    profiles = counts & 3
    if profiles == 3:
        profiles += at.varint()
    if flags & SOLO_LENGTH:
        entry.length = at.varint()
    need(profiles + (counts >> 3) <= len(data), 'solo form: more blocks and profiles than bytes')
    profile_lengths = [at.varint() for _ in range(profiles)]
    summary_length = at.varint() if counts & 4 else None
    key_end, records = 0, []
    for _ in range(counts >> 3):
        record, key_end = read_solo_record(at, entry, profiles, key_end)
        records.append(record)
    if flags & SOLO_CRCS:
        need(crc32c(at.data[: at.at]) == at.u32(), 'directory: bad CRC')
    entry.profiles = [(lambda part: lambda: part)(at.bytes(length)) for length in profile_lengths]
    if summary_length is not None:
        summary = at.bytes(summary_length)
        entry.summary = lambda: summary
    for section, variant, length, raw, keys, profile in records:
        payload = at.bytes(length)
        if flags & SOLO_CRCS:
            need(crc32c(payload) == at.u32(), f'section {entry.sections[section - 1]}: bad CRC of a block')
        entry.add_block(section, variant, Block(raw, keys, profile, (lambda part: lambda: part)(payload)))
    at.end()
    return entry


def read_solo_record(at, entry, profiles, key_end):
    flags = at.u8()
    section = (flags & 7) + 1
    if section == 8:
        section += at.varint()
    need(section <= len(entry.sections) + 1, 'solo form: a section number is skipped')
    if section > len(entry.sections):
        first = at.u8()
        if first >= 128:
            entry.add_section(chr(first - 128))
        else:
            need(first >= 2, 'solo form: bad length of a name')
            entry.add_section(at.utf8(at.u8() if first == 127 else first))
    length = at.varint()
    raw = at.varint() if flags & 8 else 0
    need(flags & 16 or not flags & 128, 'solo form: a first key without keys')
    keys = None
    if flags & 16:
        first = at.varint() if flags & 128 else key_end
        keys = (first, at.varint())
        key_end = sum(keys)
    profile = at.varint() if flags & 32 else profiles
    variant = at.u8() if flags & 64 else 0
    return (section, variant, length, raw, keys, profile), key_end


# Chunks, 1.3


class Chunk:
    def __init__(self, data, at):
        """Read the header of the chunk at a position; `ok` says whether its CRC agrees, found out when asked."""
        self.data, self.at = data, at
        head = Cursor(data[at : at + 24], f'chunk at {at}')
        need(head.bytes(4) == SYNC, f'chunk at {at}: no sync marker')
        self.type, self.entry, self.length, self.section = head.bytes(4), head.u32(), head.uint(8), head.uint(2)
        need(head.uint(2) == crc32c(data[at : at + 22]) & 0xFFFF, f'chunk at {at}: bad check of its header')
        need(self.length <= len(data) - at - 28, f'chunk at {at}: it ends behind the file')
        self.end = at + 28 + self.length
        self.crc = int.from_bytes(data[self.end - 4 : self.end], 'little')

    def payload(self):
        need(crc32c(self.data[self.at : self.end - 4]) == self.crc, f'chunk at {self.at}: bad CRC')
        return self.data[self.at + 24 : self.end - 4]

    def cursor(self):
        return Cursor(self.payload(), f'{self.type.decode("latin-1")} at {self.at}')


def find_tail(data):
    """The last chunk that is a valid TAIL, as the cursor behind `self` and its position."""
    at = len(data)
    while (at := data.rfind(SYNC + b'TAIL', 0, at)) >= 0:
        try:
            chunk = Chunk(data, at)
            payload = chunk.payload()
        except PithFileError:
            continue
        if chunk.length == 56 and int.from_bytes(payload[8:16], 'little') == at:
            return chunk
    return None


def read_commit(data, tail, flags):
    at = tail.cursor()
    need(at.uint(2) == 1 and at.uint(2) == 0, 'TAIL: version or flags are not known')
    at.u32(), at.uint(8), at.uint(8)
    root, root_length, entry_count, block_count, raw = at.uint(8), at.u32(), at.u32(), at.uint(8), at.uint(8)
    entries = {}
    start = 16
    if root:
        need(root + root_length <= tail.at, 'TAIL: the index ends behind it')
        read_root(data, tail.at, root, entries)
        start = root + root_length
    else:
        need(not flags & SOLO, 'TAIL: an extended file in the solo form has no index')
    need(tail.at - start <= 1048576, 'the journal is too long')
    while start < tail.at:
        chunk = Chunk(data, start)
        need(chunk.end <= tail.at, f'chunk at {start}: it ends behind its commit')
        apply_chunk(chunk, entries)
        start = chunk.end
    found = (len(entries), sum(len(list_) for e in entries.values() for list_ in e.blocks.values()))
    need(found == (entry_count, block_count), f'TAIL: {entry_count} entries, {block_count} blocks; found {found}')
    result = [entries[number] for number in sorted(entries)]
    need(sum(entry.decoded_length() for entry in result) == raw, 'TAIL: another number of decoded bytes')
    return result


def apply_chunk(chunk, entries):
    if chunk.type in (b'INDX', b'TAIL') or chunk.type[:1].islower():
        return
    if chunk.type == b'HEAD':
        need(chunk.entry > max(entries, default=0), f'HEAD at {chunk.at}: entry {chunk.entry} is not a new one')
        entries[chunk.entry] = Entry(chunk.entry)
        at = chunk.cursor()
        read_head(at, entries[chunk.entry])
        return at.end()
    need(chunk.type in (b'PROF', b'BLOK', b'FILT', b'DONE'), f'chunk at {chunk.at}: type {chunk.type!r} is refused here')
    need(chunk.entry in entries, f'chunk at {chunk.at}: there is no entry {chunk.entry}')
    entry = entries[chunk.entry]
    if chunk.type == b'BLOK':
        at = Cursor(chunk.data[chunk.at + 24 : chunk.end - 4], f'BLOK at {chunk.at}')
        variant, number, name, block = read_block_fields(at, chunk)
        if chunk.section == len(entry.sections) + 1:
            need(name, f'{at.what}: a new section without a name')
            entry.add_section(name)
        need(1 <= chunk.section <= len(entry.sections), f'{at.what}: a section number is skipped')
        need(name in (None, entry.sections[chunk.section - 1]), f'{at.what}: another name than its section has')
        need(number == len(entry.blocks.get((entry.sections[chunk.section - 1], variant), [])), f'{at.what}: bad number')
        need(block.profile <= len(entry.profiles), f'{at.what}: profile {block.profile} does not stand before it')
        entry.add_block(chunk.section, variant, block)
    elif chunk.type == b'PROF':
        at = chunk.cursor()
        need(at.varint() == len(entry.profiles) + 1, f'{at.what}: versions of profiles do not follow each other')
        profile = at.rest()
        entry.profiles.append(lambda: profile)
    elif chunk.type == b'FILT':
        entry.summary = chunk.payload
    else:
        entry.length = chunk.cursor().varint()


def read_block_fields(at, chunk):
    """The fields of BLOK before the payload (1.3.2): variant, number, name, and the block."""
    flags = at.u8()
    need(flags < 32, f'{at.what}: flags {flags} are not known')
    number = at.varint()
    name = at.name() if flags & 1 else None
    raw = at.varint()
    keys = (at.varint(), at.varint()) if flags & 2 else None
    variant = at.u8() if flags & 4 else 0
    profile = at.varint() if flags & 8 else 0
    prefix = at.at
    return variant, number, name, Block(raw, keys, profile, lambda: chunk.payload()[prefix:])


def read_head(at, entry):
    flags = at.u8()
    need(flags & 3 != 3, f'{at.what}: kind 3 of an entry')
    entry.kind = KINDS[flags & 3]
    codec = at.u8()
    need(codec <= 3, f'{at.what}: codec {codec} is not known')
    entry.codec = CODECS[codec] if codec else at.name()
    if flags & 128:
        entry.version = at.varint()
    if flags & 4:
        entry.path = at.text(4096)
    if flags & 8:
        entry.mode = at.varint()
        need(entry.mode <= 4095, f'{at.what}: mode {entry.mode}')
    if flags & 16:
        entry.mtime = at.zigzag()
    if flags & 32:
        length = at.varint()
        need(length <= 65536, f'{at.what}: meta of {length} bytes')
        entry.meta = at.bytes(length)
    if flags & 64:
        entry.external = at.bytes(32)
    if entry.kind == 'link':
        entry.link = at.text(4096)


# The index, 1.5


def read_page(data, end, position, kind, root=None):
    need(position < end, 'index: a page behind its commit')
    chunk = Chunk(data, position)
    need(chunk.type == b'INDX' and chunk.end <= end, f'index: no page at {position}')
    at = chunk.cursor()
    need(at.u8() == kind, f'{at.what}: a page of another kind')
    return at


def read_root(data, end, position, entries):
    at = read_page(data, end, position, 0)
    for _ in range(at.varint()):
        page = at.varint()
        at.varint(), at.varint(), at.varint(), at.varint(), at.text(4096), at.text(4096)
        cursor = read_page(data, end, page, 2)
        read_entries(cursor, data, entries)
        cursor.end()
    read_entries(at, data, entries)
    rows = {}
    for _ in range(at.varint()):
        page = at.varint()
        for _ in range(6):
            at.varint()
        cursor = read_page(data, end, page, 1)
        read_rows(cursor, data, end, rows)
        cursor.end()
    read_rows(at, data, end, rows)
    at.end()
    for (number, section, variant, block), value in sorted(rows.items()):
        need(number in entries and 1 <= section <= len(entries[number].sections), 'index: a row without its entry')
        stood = entries[number].blocks.get((entries[number].sections[section - 1], variant), [])
        need(block == len(stood), f'index: block {len(stood)} of a section is missing')
        entries[number].add_block(section, variant, value)


def read_entries(at, data, entries):
    number = 0
    for _ in range(at.varint()):
        number += at.varint()
        entry = entries[number] = Entry(number)
        read_head(at, entry)
        entry.length = at.varint()
        for _ in range(at.varint()):
            entry.add_section(at.name())
            for _ in range(at.varint()):
                at.varint(), at.varint()
        entry.profiles = [read_reference(at, data, b'PROF') for _ in range(at.varint())]
        if at.u8():
            entry.summary = read_reference(at, data, b'FILT')


def read_reference(at, data, kind):
    position, length, crc = at.varint(), at.varint(), at.u32()

    def load():
        chunk = Chunk(data, position)
        need((chunk.type, chunk.length, chunk.crc) == (kind, length, crc), f'chunk at {position}: not what the index says')
        cursor = chunk.cursor()
        if kind == b'PROF':
            cursor.varint()
        return cursor.rest()

    return load


def read_rows(at, data, end, rows):
    place, profile, prefix, behind, key_end = (0, 0, 0, 0), 0, 0, 0, 0
    for _ in range(at.varint()):
        flags = at.u8()
        need(flags < 128 and flags & 48 != 48, f'{at.what}: flags {flags} of a row are not known')
        if flags & 1:
            place = (*place[:3], place[3] + 1)
        else:
            last, place = place, (place[0] + at.varint(), at.varint(), at.varint(), at.varint())
            need(place > last, f'{at.what}: rows out of order')
        profile = profile if flags & 2 else at.varint()
        prefix = prefix if flags & 4 else at.varint()
        position = behind if flags & 8 else behind + at.zigzag()
        stored, raw = at.varint(), at.varint()
        keys = None
        if flags & 48:
            first = at.varint() if flags & 32 else key_end
            keys = (first, at.varint())
            key_end = sum(keys)
        behind = position + 28 + prefix + stored
        need(0 <= position and behind <= end, f'{at.what}: a block behind its commit')
        need(place not in rows, f'{at.what}: a row stands twice')
        load = make_block_loader(data, place, position, prefix, stored, at.u32())
        rows[place] = Block(raw, keys, profile, load)


def make_block_loader(data, place, position, prefix, stored, crc):
    def load():
        chunk = Chunk(data, position)
        cursor = chunk.cursor()
        variant, number, _, block = read_block_fields(cursor, chunk)
        seen = (chunk.type, (chunk.entry, chunk.section, variant, number), cursor.at, chunk.length, chunk.crc)
        need(seen == (b'BLOK', place, prefix, prefix + stored, crc), f'BLOK at {position}: not what the index says')
        return cursor.rest()

    return load


# Paths, 1.9


def check_paths(entries):
    paths = [entry.path for entry in entries if entry.path is not None]
    need(len(set(paths)) == len(paths), 'two entries have the same path')
    for entry in entries:
        if entry.path is not None:
            need(is_safe(entry.path), f'entry {entry.number}: its path is not safe: {entry.path!r}')
        if entry.kind == 'link':
            need(entry.path is not None, f'entry {entry.number}: a link without a path')
            parts = entry.link.split('/')
            ups = next((i for i, part in enumerate(parts) if part != '..'), len(parts))
            safe = ups == len(parts) or is_safe('/'.join(parts[ups:]))
            need(safe and ups <= entry.path.count('/'), f'entry {entry.number}: its link leads out: {entry.link!r}')


def is_safe(path):
    if not path or '\0' in path or path[0] in '/\\' or re.match('[A-Za-z]:', path) or '' in path.split('/'):
        return False
    parts = re.split(r'[/\\]', path)
    return not any((part and not part.strip('. ')) or DEVICE.fullmatch(part) for part in parts)
