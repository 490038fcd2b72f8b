"""The codec logzip at levels fast and default, part 2 of docs/format.md."""

import re

from fields import Cursor, need, unbrotli, unzigzag, xxh32
from times import pad_layout, parse_layout, ticks_of, time_writer

MOST_RAW, MOST_LINES, MOST_ROWS, MOST_STREAM, MOST_PRIOR = 1 << 26, 262144, 1 << 23, 1 << 27, 1 << 26
MOST_LEFT, MOST_WIDTH = 16, 20
ENDS = (b'\n', b'\r\n', b'')
KEYS = re.compile(rb'"((?:[^"\\]|\\[^\n\r])*)":|[{}[\]]')
CONST, DICT, NUMBER, TIME, RAW, LOG, LOG_DICT = range(7)
KEY_PLACE, MOST_DEPTH = 16, 3


def decode_log(entry):
    """The bytes of a log."""
    need(len(entry.profiles) < 2, 'a log has more than one profile')
    prior = read_prior(entry.profiles[0]() if entry.profiles else None)
    chunks, parts = entry.of('chunk'), {}
    for section in ('ids', 'columns', 'texts'):
        for block in entry.of(section):
            need(block.keys and block.keys[0] < len(chunks), f'section {section}: a block of no chunk')
            parts.setdefault((section, block.keys[0]), []).append(block)
    return b''.join(decode_chunk(block, number, parts, prior) for number, block in enumerate(chunks))


def unpack(data, what, most=MOST_STREAM):
    """The form and the bytes of a packed stream, 2.2."""
    at = Cursor(data, what)
    form, method = divmod(at.u8(), 16)
    need(method < 2, f'{what}: method {method}; this decoder reads levels fast and default only')
    length = at.varint()
    need(length <= most, f'{what}: {length} bytes, more than the {most} allowed')
    if method == 1:
        return form, unbrotli(at.rest(), length, what)
    need(at.left() == length, f'{what}: {at.left()} bytes in place of {length}')
    return form, at.rest()


# Templates and the names of their columns, 2.4, 2.5 and 2.10


class Template:
    """Static texts, one more than slots; the layout and the column of each slot."""

    def __init__(self, statics, layouts, columns=()):
        self.statics, self.layouts, self.columns = statics, layouts, list(columns)


class Prior:
    def __init__(self):
        self.templates = [Template([b'', b''], [b''], [0])]
        self.numbers = {}  # of columns, by name
        self.layouts = {0: b''}  # by number of column
        self.texts = {}  # by number of column


def read_prior(profile):
    prior = Prior()
    if profile is not None:
        tables = Cursor(unpack(profile, 'prior', MOST_PRIOR)[1], 'prior')
        meta = Cursor(tables.bytes(tables.varint()), 'prior')
        prior.templates += read_templates(meta, tables, prior.numbers, prior.layouts)
        column = 0
        for _ in range(meta.varint()):
            column += meta.varint()
            prior.texts[column] = tables.lines(meta.varint())
    need(sum(len(text) for texts in prior.texts.values() for text in texts) <= 1 << 20, 'prior: too many texts')
    return prior


def read_templates(meta, tables, numbers, layout_of, most=65536, most_slots=1048576):
    """Templates; slots get their columns, names that are new the next numbers."""
    layout_count, template_count = meta.varints(2)
    need(template_count <= min(most, 65536), 'more templates than lines')
    layouts = tables.lines(layout_count)
    templates = [parse_template(text, layouts) for text in tables.lines(template_count)]
    need(sum(len(template.layouts) for template in templates) <= most_slots, 'more slots than bytes')
    for template in templates:
        for name, layout in zip(names_of(template), template.layouts):
            column = numbers.setdefault(name, len(numbers) + 1)
            layout_of[column] = layout
            template.columns.append(column)
    return templates


def parse_template(text, list_):
    statics, layouts, at = [bytearray()], [], Cursor(text, 'template')
    while at.left():
        byte = at.u8()
        if byte >= 2:
            statics[-1].append(at.u8() if byte == 2 else byte)
            continue
        layout = b''
        if byte == 1:
            number = at.u8()
            number = 64 * (at.u8() - 48) + at.u8() - 48 if number == 255 else number - 48
            need(0 <= number < len(list_), 'template: a layout that is not in the list')
            layout = list_[number]
        layouts.append(layout)
        statics.append(bytearray())
    need(all(statics[1:-1]), 'template: two slots touch')
    return Template([bytes(static) for static in statics], layouts)


def names_of(template):
    if not template.statics[0].startswith(b'{'):
        path = ()
        for static, layout in zip(template.statics, template.layouts):
            path += (static, layout)
            yield path
        return
    stack, key, times = [], b'', {}
    for static, layout in zip(template.statics, template.layouts):
        for match in KEYS.finditer(static):
            if match.group(1) is not None:
                key = match.group(1)
            elif match.group() in b'{[':
                stack.append(key)
            else:
                key = stack.pop() if stack else b''
        name = b'\0'.join([b'\0'.join(stack), key, layout])
        times[name] = times.get(name, -1) + 1
        yield name + b'\0%d' % times[name]


# A chunk, 2.3


def decode_chunk(block, number, parts, prior):
    what, payload = f'chunk {number}', block.load()
    need(payload and payload[0] & 15 != 2, f'{what}: it is of level max; this decoder reads fast and default only')
    form, head = unpack(payload, what)
    need(form < 3, f'{what}: form {form} is not known')
    at = Cursor(head, what)
    size, line_count, check = at.varint(), at.varint(), at.u32()
    need(size == block.raw <= MOST_RAW, f'{what}: {size} bytes where the block says {block.raw}')
    need(line_count <= min(size, MOST_LINES), f'{what}: {line_count} lines in {size} bytes')
    ends = []
    for _ in range(at.varint()):
        count, end = divmod(at.varint(), 4)
        need(end < 3 and len(ends) + count <= line_count, f'{what}: bad ends of lines')
        ends += [ENDS[end]] * count
    need(len(ends) == line_count, f'{what}: ends of {len(ends)} lines in place of {line_count}')
    group_counts = at.varints(4 if form == 2 else 1)
    meta = Cursor(at.bytes(at.varint()), f'{what}, meta')
    tables = Cursor(at.bytes(at.varint()), f'{what}, tables')
    layouts = dict(prior.layouts)
    templates = prior.templates + read_templates(meta, tables, dict(prior.numbers), layouts, line_count, size + line_count)
    classes = None
    if form == 1:
        ids = read_planes(at, line_count, len(templates))
        groups = [at.bytes(at.varint()) for _ in range(group_counts[0])]
        texts = [at.rest()]
    else:
        ids, groups, texts = ([unpack(part.load(), f'{what}, {section}')[1] for part in parts.get((section, number), [])]
                              for section in ('ids', 'columns', 'texts'))
        need(len(ids) == 1 and len(groups) == sum(group_counts), f'{what}: a block is missing')
        ids = read_planes(Cursor(ids[0], f'{what}, ids'), line_count, len(templates))
        if form == 2:
            classes = Classes(at, ids, len(templates), what)
        else:
            need(len(texts) < 2, f'{what}: more texts than one block')
    chunk = Chunk(what, templates, ids, layouts, Budget(size))
    chunk.read_headers(meta, tables, prior.texts, classes)
    if classes:
        kinds, first = [], 0
        for count in group_counts:
            kinds.append(Groups(groups[first:first + count], what))
            first += count
        chunk.read_rows(kinds, classes.share_out(chunk.columns.values(), texts, what))
    else:
        chunk.read_rows([Groups(groups, what)] * 4, [Cursor(b''.join(texts), f'{what}, texts')] * 5)
    log = chunk.join(ends)
    need(len(log) == size, f'{what}: {len(log)} bytes in place of {size}')
    need(xxh32(log) == check, f'{what}: its check does not agree')
    return log


def read_planes(at, count, below):
    """`count` numbers below a limit, in planes."""
    planes = [at.bytes(count) for _ in range(1 if below <= 256 else 2 if below <= 65536 else 3)]
    numbers = [int.from_bytes(row, 'little') for row in zip(*planes)]
    need(max(numbers, default=-1) < below, f'{at.what}: an id that is not below {below}')
    return numbers


class Groups:
    """The groups of a chunk, one behind the other."""

    def __init__(self, groups, what):
        self.what, self.left = what, [Cursor(group, f'{what}, group {i}') for i, group in enumerate(groups)]

    def next(self):
        while self.left and not self.left[0].left():
            self.left.pop(0)
        need(self.left, f'{self.what}: more groups are needed than there are')
        return self.left[0]


class Classes:
    """Where the texts of a chunk of form 2 stand, 2.3.2."""

    def __init__(self, at, ids, template_count, what):
        used = at.bytes(at.varint())
        need(len(used) in (0, template_count + 7 >> 3), f'{what}: bits of another number of templates')
        need(not used or {id_ for id_ in range(template_count) if used[id_ >> 3] >> (id_ & 7) & 1} == set(ids),
             f'{what}: other templates have lines')
        self.mask, self.at, self.taken, self.byte = at.u8(), at, 0, 0

    def next(self):
        """The class of the next dictionary or column of texts."""
        self.byte = self.byte >> 2 if self.taken % 4 else self.at.u8()
        self.taken += 1
        return self.byte & 3

    def in_tables(self, class_):
        return self.mask >> 4 >> class_ & 1

    def share_out(self, columns, streams, what):
        """Give dictionaries their texts; the rows of each class, and those of logs within columns, as cursors."""
        own = [class_ for class_ in range(4) if self.mask >> class_ & 1]
        need(len(streams) == len(own), f'{what}: {len(streams)} streams of texts in place of {len(own)}')
        cursors = {class_: Cursor(stream, f'{what}, texts') for class_, stream in zip(own, streams)}
        last = cursors.setdefault(ANY_TEXTS, Cursor(b'', f'{what}, texts'))
        of = [cursors.get(class_, last) for class_ in range(4)]
        for class_ in range(4):
            for column in columns:
                if column.kind == DICT and column.class_ == class_ and column.missing:
                    column.texts = column.texts + of[class_].lines(column.missing)
        rows = []
        for class_ in range(4):
            count = sum(column.own for column in columns if column.kind == RAW and column.class_ == class_)
            rows.append(Cursor(b''.join(text + b'\n' for text in of[class_].lines(count)), f'{what}, texts'))
        return rows + [last]


class Budget:
    """What the columns of a chunk, and the logs within it, may take."""

    def __init__(self, size, rows=None, depth=0):
        self.bytes, self.rows, self.depth = size + 1, rows or [MOST_ROWS], depth


# The columns of a chunk, 2.6 to 2.8


DIGIT_TEXTS, WORD_TEXTS, SIGN_TEXTS, ANY_TEXTS, INNER_TEXTS = range(5)
IDS, NUMBERS, TIMES, LOGS = range(4)  # kinds of symbols


class Column:
    """What a column's header says (2.7), and its rows; `values` of numbers and times only."""

    def __init__(self, layout, lines):
        self.layout, self.lines, self.left = layout, lines, None
        self.kind = self.place = self.mode = self.spelling = self.width = self.base = self.bytes = self.own = 0
        self.texts, self.exceptions, self.rows, self.values = [], {}, [], []
        self.key_place, self.log, self.text_ids = 0, None, None
        self.class_, self.missing = ANY_TEXTS, 0

    def read_header(self, meta, tables, prior_texts, classes=None):
        header, count = meta.varint(), len(self.lines)
        self.kind, self.place = header & 7, header >> 3
        need(self.kind <= LOG_DICT, f'{meta.what}: kind {self.kind} of a column')
        if self.kind in (DICT, LOG_DICT) and self.place > KEY_PLACE:
            self.place, self.key_place = 0, self.place - KEY_PLACE
        if self.kind == CONST:
            self.texts = tables.lines(1)
        elif self.kind == DICT:
            self.texts, self.missing = prior_texts, meta.varint()
            self.class_ = classes.next() if classes else ANY_TEXTS
            if not classes or classes.in_tables(self.class_):
                self.texts, self.missing = prior_texts + tables.lines(self.missing), 0
        elif self.kind in (RAW, LOG):
            self.own = meta.varint() if self.place else count
            self.class_ = classes.next() if classes and self.kind == RAW else ANY_TEXTS
            need(self.own <= count, f'{meta.what}: more own texts than rows')
        elif self.kind == LOG_DICT:
            self.texts, self.own = prior_texts, meta.varint()
        else:
            self.mode, self.spelling = header >> 3 & 3, header >> 5
            need(self.spelling <= 2, f'{meta.what}: spelling {self.spelling}')
            need(self.kind == NUMBER or self.layout not in (b'', b'*'), f'{meta.what}: a time without a layout')
            self.width = meta.varint() if self.kind == NUMBER and self.spelling else 0
            need(self.width <= MOST_WIDTH, f'{meta.what}: width {self.width}')
            self.place = meta.varint() if self.mode > 1 else 0
            bits, base = meta.varints(2)
            need(bits <= 7, f'{meta.what}: bits {bits} of a column')
            reach = meta.varint() if bits & 4 else 0
            need(reach <= 107, f'{meta.what}: reach {reach} of a column')
            self.bytes, self.base = bits & 2, -base if bits & 1 else base
            row, rows = 0, []
            for _ in range(meta.varint()):
                row += meta.varint()
                need(row < count and len(rows) < count, f'{meta.what}: an exception beyond the rows')
                rows.append(row)
            self.exceptions = dict(zip(rows, tables.lines(len(rows))))
        if self.kind in (LOG, LOG_DICT):
            self.log = NestedLog(meta, tables)

    def ticks(self):
        return ticks_of(parse_layout(self.layout)) if self.kind == TIME else 1

    def write_values(self):
        if self.kind == TIME:
            write = time_writer(parse_layout(pad_layout(self.layout) if self.spelling else self.layout))
        else:
            write = number_writer(self.spelling, self.width)
        texts = self.exceptions
        self.rows = [texts[row] if row in texts else write(value) for row, value in enumerate(self.values)]


def number_writer(spelling, width):
    def write(value):
        need(value >= 0, 'a padded number is negative')
        return (b'%d' % value).rjust(width, b'0' if spelling == 1 else b' ')

    return write if spelling else lambda value: b'%d' % value


class NestedLog:
    """A log within a column, 2.8.1."""

    def __init__(self, meta, tables):
        self.size, self.escaped = divmod(meta.varint(), 2)
        self.meta = Cursor(meta.bytes(meta.varint()), f'{meta.what} of a log within')
        self.tables = Cursor(tables.bytes(meta.varint()), f'{tables.what} of a log within')

    def read(self, count, groups, texts, outer, what):
        """Its lines as the texts of the column; `outer` is what they may take."""
        need(outer.depth < MOST_DEPTH, f'{what}: logs within logs')
        need(self.size <= min(outer.bytes, MOST_RAW) and count <= min(self.size, MOST_LINES), f'{what}: a log too large')
        layouts = {0: b''}
        templates = Prior().templates + read_templates(self.meta, self.tables, {}, layouts)
        groups, texts = [groups[LOGS]] * 4, [texts[INNER_TEXTS]] * 5
        ids = read_planes(groups[IDS].next(), count, len(templates)) if count else []
        chunk = Chunk(what, templates, ids, layouts, Budget(self.size, outer.rows, outer.depth + 1))
        chunk.read_headers(self.meta, self.tables, {})
        chunk.read_rows(groups, texts)
        log = chunk.join([b'\n'] * count)
        need(len(log) == self.size, f'{what}: a log of another length')
        if self.escaped:
            log = log.replace(b'\\', b'\\\\').replace(b'"', b'\\"').replace(b'\x10', b'\\')
        outer.bytes -= len(log)
        need(outer.bytes >= 0, f'{what}: texts longer than their lines')
        return Cursor(log, what).lines(count)


class Chunk:
    def __init__(self, what, templates, ids, layouts, budget):
        self.what, self.used, self.budget = what, [templates[id_] for id_ in ids], budget
        lines = {}
        for line, template in enumerate(self.used):
            for number in template.columns:
                lines.setdefault(number, []).append(line)
        budget.rows[0] -= sum(map(len, lines.values()))
        need(budget.rows[0] >= 0, f'{what}: too many rows')
        self.columns = {number: Column(layouts[number], lines[number]) for number in sorted(lines)}
        for id_ in sorted(set(ids)):
            self.find_left(templates[id_].columns)

    def find_left(self, numbers):
        for k, number in enumerate(numbers):
            column, before = self.columns[number], numbers[:k][::-1]
            if column.left is None:
                column.left = [other for other in before if other <= number][:MOST_LEFT]
            else:
                column.left = [other for other in column.left if other in before]

    def read_headers(self, meta, tables, prior_texts, classes=None):
        for number, column in self.columns.items():
            column.read_header(meta, tables, prior_texts.get(number, []), classes)

    def read_rows(self, groups, texts):
        for column in self.columns.values():
            count = len(column.lines)
            if column.kind == CONST:
                column.rows = column.texts * count
            elif column.kind in (DICT, LOG_DICT):
                self.read_dict(column, groups, texts)
            elif column.kind in (RAW, LOG):
                partner, rows = self.partner(column, column.place) if column.place else (None, [0] * count)
                flags = groups[IDS].next().bytes(count) if partner else bytes(count)
                need(flags.count(0) == column.own, f'{self.what}: another number of own texts')
                own = iter(self.own_texts(column, groups, texts))
                column.rows = [partner.rows[row] if flag else next(own) for flag, row in zip(flags, rows)]
            else:
                at = groups[column.kind - NUMBER + NUMBERS].next()
                residuals = at.bytes(count) if column.bytes else [at.varint(longer_allowed=True) for _ in range(count)]
                partner, rows = self.partner(column, column.place) if column.place else (None, [0] * count)
                self.add_values(column, residuals, partner, rows)
                column.write_values()

    def own_texts(self, column, groups, texts):
        if column.log is None:
            return texts[column.class_].lines(column.own)
        return column.log.read(column.own, groups, texts, self.budget, self.what)

    def read_dict(self, column, groups, texts):
        list_ = column.texts + (self.own_texts(column, groups, texts) if column.kind == LOG_DICT else [])
        place = column.place or column.key_place
        partner, rows = self.partner(column, place) if place else (None, [0] * len(column.lines))
        ids = read_planes(groups[IDS].next(), len(rows), len(list_) + (1 if place else 0))
        if column.key_place:
            need(partner.text_ids is not None, f'{self.what}: a key that is no dictionary')
            last = {}
            for i, row in enumerate(rows):
                key = partner.text_ids[row]
                need(ids[i] or key in last, f'{self.what}: a row is as one that is not there')
                ids[i] = last[key] = ids[i] - 1 if ids[i] else last[key]
        if column.place:
            column.rows = [list_[id_ - 1] if id_ else partner.rows[row] for id_, row in zip(ids, rows)]
        else:
            column.text_ids, column.rows = ids, [list_[id_] for id_ in ids]

    def partner(self, column, place):
        """The column at the place, and the number of its row that stands beside each row."""
        need(place <= len(column.left), f'{self.what}: place {place} beyond the list')
        partner = self.columns[column.left[place - 1]]
        row_of = {line: row for row, line in enumerate(partner.lines)}
        return partner, [row_of[line] for line in column.lines]

    def add_values(self, column, residuals, partner, rows):
        base = column.base
        if column.mode == 0:
            column.values = [residual + base for residual in residuals]
            return
        sums, scale = column.mode & 1, 0
        if column.mode > 1:
            need(partner and partner.kind in (NUMBER, column.kind), f'{self.what}: a partner of the wrong kind')
            scale, rest = divmod(column.ticks(), partner.ticks())
            need(scale and not rest, f'{self.what}: a time refers to a finer one')
        for residual, row in zip(residuals, rows):
            value = unzigzag(residual) + base
            base = value if sums else base
            column.values.append(value + scale * partner.values[row] if scale else value)

    def join(self, ends):
        rows = {number: iter(column.rows) for number, column in self.columns.items()}
        parts = []
        for template, end in zip(self.used, ends):
            for static, number in zip(template.statics, template.columns):
                parts += [static, next(rows[number])]
            parts += [template.statics[-1], end]
        return b''.join(parts)
