"""The codec logzip at levels fast and default, part 2 of docs/format.md."""

import re

from fields import Cursor, need, unzigzag
from streams import unpack, xxh32
from times import TimeWriter, pad_layout, parse_layout, ticks_of

MOST_RAW, MOST_LINES, MOST_ROWS, MOST_STREAM, MOST_PRIOR = 1 << 26, 262144, 1 << 23, 1 << 27, 1 << 26
ENDS = (b'\n', b'\r\n', b'')
KEYS = re.compile(rb'"((?:[^"\\]|\\[^\n\r])*)":|[{}[\]]')
CONST, DICT, NUMBER, TIME, RAW = range(5)
MOST_LEFT = 16


def decode_log(entry):
    """The bytes of a log."""
    need(entry.version == 1, f'version {entry.version} of logzip is not known')
    need(len(entry.profiles) < 2, 'a log has more than one profile')
    prior = read_prior(entry.profiles[0]() if entry.profiles else None)
    parts = {}
    for section in ('ids', 'columns', 'texts'):
        for block in entry.of(section):
            need(block.keys, f'section {section}: a block without keys')
            need(block.keys[0] < len(entry.of('chunk')), f'section {section}: a block of chunk {block.keys[0]}')
            parts.setdefault((section, block.keys[0]), []).append(block)
    chunks = []
    for number, block in enumerate(entry.of('chunk')):
        chunks.append(decode_chunk(block, number, parts, prior))
        need(len(chunks[-1]) == block.raw, f'chunk {number}: {len(chunks[-1])} bytes in place of {block.raw}')
    return b''.join(chunks)


# Texts, templates and names of columns, 2.4 and 2.5


class Texts:
    """Texts that each end with LF, handed out in order."""

    def __init__(self, data, what):
        need(not data or data.endswith(b'\n'), f'{what}: the last text has no end')
        self.list, self.at, self.what = data.split(b'\n')[:-1], 0, what

    def take(self, count):
        need(count <= len(self.list) - self.at, f'{self.what}: texts end too soon')
        self.at += count
        return self.list[self.at - count : self.at]


class Template:
    """Static texts, one more than slots; the layout of each slot; the column of each slot."""

    def __init__(self, statics, layouts):
        self.statics, self.layouts, self.columns = statics, layouts, []


class Prior:
    def __init__(self):
        raw = Template([b'', b''], [b''])
        raw.columns = [0]
        self.templates, self.numbers, self.layout_of, self.texts = [raw], {}, {0: b''}, {}


def read_prior(profile):
    prior = Prior()
    if profile is None:
        return prior
    at = Cursor(unpack(profile, 'prior', MOST_PRIOR)[1], 'prior')
    meta = Cursor(at.bytes(at.varint()), 'prior')
    texts = Texts(at.rest(), 'prior')
    prior.templates += read_templates(meta, texts)
    number_columns(prior.templates, prior.numbers, prior.layout_of)
    column = 0
    for _ in range(meta.varint()):
        column += meta.varint()
        prior.texts[column] = texts.take(meta.varint())
    return prior


def read_templates(meta, texts):
    layout_count, template_count = meta.varint(), meta.varint()
    layouts = texts.take(layout_count)
    return [parse_template(text, layouts) for text in texts.take(template_count)]


def parse_template(text, list_):
    statics, layouts, at = [bytearray()], [], 0
    while at < len(text):
        byte = text[at]
        at += 1
        if byte > 2:
            statics[-1].append(byte)
            continue
        if byte == 2:
            need(at < len(text), 'a template ends with a 2')
            statics[-1].append(text[at])
            at += 1
            continue
        layouts.append(b'')
        if byte == 1:
            need(at < len(text), 'a template ends within a slot')
            number = text[at] - 48
            at += 1
            if number == 255 - 48:
                need(at + 2 <= len(text), 'a template ends within a slot')
                number = 64 * (text[at] - 48) + text[at + 1] - 48
                at += 2
            need(0 <= number < len(list_), 'a layout that is not in the list')
            layouts[-1] = list_[number]
        statics.append(bytearray())
    need(all(statics[1:-1]), 'two slots of a template touch')
    return Template([bytes(static) for static in statics], layouts)


def number_columns(templates, numbers, layout_of):
    """Give the slots of all templates without columns their columns; names that are new get the next numbers."""
    for template in templates:
        if template.columns:
            continue
        for name, layout in zip(names_of(template), template.layouts):
            column = numbers.setdefault(name, len(numbers) + 1)
            layout_of[column] = layout
            template.columns.append(column)


def names_of(template):
    if not template.statics[0].startswith(b'{'):
        path = []
        for static, layout in zip(template.statics, template.layouts):
            path += [static, layout]
            yield tuple(path)
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


# A chunk, 2.3 and 2.6


def decode_chunk(block, number, parts, prior):
    what = f'chunk {number}'
    payload = block.load()
    need(payload and payload[0] & 15 != 2, f'{what}: it is of level max; this decoder reads fast and default only')
    form, head = unpack(payload, what, MOST_STREAM)
    need(form < 2, f'{what}: form {form} is not known')
    at = Cursor(head, what)
    size, line_count, check = at.varint(), at.varint(), at.u32()
    need(size <= MOST_RAW and line_count <= min(size, MOST_LINES), f'{what}: {size} bytes, {line_count} lines')
    ends = []
    for _ in range(at.varint()):
        run = at.varint()
        need(run & 3 < 3 and len(ends) + (run >> 2) <= line_count, f'{what}: bad ends of lines')
        ends += [ENDS[run & 3]] * (run >> 2)
    need(len(ends) == line_count, f'{what}: ends of {len(ends)} lines in place of {line_count}')
    group_count = at.varint()
    meta = Cursor(at.bytes(at.varint()), f'{what}, meta')
    tables = Texts(at.bytes(at.varint()), f'{what}, tables')

    templates = prior.templates + read_templates(meta, tables)
    layout_of = dict(prior.layout_of)
    number_columns(templates, dict(prior.numbers), layout_of)
    width = 1 if len(templates) <= 256 else 2 if len(templates) <= 65536 else 3
    if form == 1:
        ids = at.bytes(width * line_count)
        groups = [at.bytes(at.varint()) for _ in range(group_count)]
        texts = at.rest()
    else:
        at.end()
        ids, groups, texts = read_parts(parts, number, group_count)
    used = read_planes(Cursor(ids, f'{what}, ids'), line_count, len(templates))
    used = [templates[id_] for id_ in used]
    chunk = Chunk(what, used, [t for t in templates if t.columns], layout_of, prior.texts)
    chunk.read_columns(meta, tables, Groups(groups, what), Texts(texts, f'{what}, texts'))
    log = chunk.join(ends)
    need(len(log) == size, f'{what}: {len(log)} bytes in place of {size}')
    need(xxh32(log) == check, f'{what}: its check does not agree')
    return log


def read_parts(parts, number, group_count):
    def load(section):
        what = f'section {section} of chunk {number}'
        return [unpack(block.load(), what, MOST_STREAM)[1] for block in parts.get((section, number), [])]

    ids, groups, texts = load('ids'), load('columns'), load('texts')
    need(len(ids) == 1 and len(groups) == group_count and len(texts) < 2, f'chunk {number}: a block is missing')
    return ids[0], groups, texts[0] if texts else b''


def read_planes(at, count, below):
    """`count` numbers below a limit, in planes."""
    width = 1 if below <= 256 else 2 if below <= 65536 else 3
    planes = [at.bytes(count) for _ in range(width)]
    numbers = planes[0] if width == 1 else [sum(p << 8 * i for i, p in enumerate(row)) for row in zip(*planes)]
    need(max(numbers, default=-1) < below, f'{at.what}: an id that is not below {below}')
    return numbers


class Groups:
    """The symbols of columns, one behind the other."""

    def __init__(self, groups, what):
        self.groups = [Cursor(group, f'{what}, group {i}') for i, group in enumerate(groups)]
        self.what = what

    def next(self):
        while self.groups and self.groups[0].left() == 0:
            self.groups.pop(0)
        need(self.groups, f'{self.what}: more groups are needed than there are')
        return self.groups[0]


class Column:
    """What a column's header says, then its rows."""

    def __init__(self, layout, lines):
        self.layout, self.lines, self.left = layout, lines, None
        self.kind = self.place = self.mode = self.spelling = self.width = self.base = self.bytes = 0
        self.texts, self.exceptions, self.own, self.rows, self.values = [], {}, 0, [], []

    def ticks(self):
        return ticks_of(parse_layout(self.layout))


class Chunk:
    def __init__(self, what, used, templates, layout_of, prior_texts):
        self.what, self.used, self.prior_texts, self.columns = what, used, prior_texts, {}
        lines = {}
        for line, template in enumerate(used):
            for column in template.columns:
                lines.setdefault(column, []).append(line)
        need(sum(map(len, lines.values())) <= MOST_ROWS, f'{what}: too many rows')
        self.columns = {column: Column(layout_of[column], lines[column]) for column in sorted(lines)}
        in_use = set(map(id, used))
        for template in templates:
            if id(template) in in_use:
                self.find_left(template.columns)

    def find_left(self, columns):
        for k, number in enumerate(columns):
            column = self.columns[number]
            before = columns[:k]
            if column.left is None:
                column.left = [other for other in reversed(before) if other <= number][:MOST_LEFT]
            else:
                column.left = [other for other in column.left if other in before]

    def read_columns(self, meta, tables, groups, texts):
        for number, column in self.columns.items():
            read_header(column, self.prior_texts.get(number, []), meta, tables, self.what)
        for column in self.columns.values():
            if column.kind == CONST:
                column.rows = column.texts * len(column.lines)
            elif column.kind == DICT:
                self.read_dict(column, groups)
            elif column.kind == RAW:
                self.read_raw(column, groups, texts)
            else:
                self.read_values(column, groups)

    def partner(self, column):
        """The column at a place, and for each row the number of the partner's row."""
        need(column.place <= len(column.left), f'{self.what}: place {column.place} beyond the list')
        partner = self.columns[column.left[column.place - 1]]
        row_of = {line: row for row, line in enumerate(partner.lines)}
        return partner, [row_of[line] for line in column.lines]

    def read_dict(self, column, groups):
        texts, count = column.texts, len(column.lines)
        at = groups.next()
        if not column.place:
            column.rows = [texts[i] for i in read_planes(at, count, len(texts))]
            return
        partner, rows = self.partner(column)
        ids = read_planes(at, count, len(texts) + 1)
        column.rows = [texts[i - 1] if i else partner.rows[row] for i, row in zip(ids, rows)]

    def read_raw(self, column, groups, texts):
        if not column.place:
            column.rows = texts.take(len(column.lines))
            return
        partner, rows = self.partner(column)
        flags = groups.next().bytes(len(column.lines))
        need(flags.count(0) == column.own, f'{self.what}: another number of own texts')
        own = iter(texts.take(column.own))
        column.rows = [partner.rows[row] if flag else next(own) for flag, row in zip(flags, rows)]

    def read_values(self, column, groups):
        at, count = groups.next(), len(column.lines)
        residuals = at.bytes(count) if column.bytes else [at.varint(longer_allowed=True) for _ in range(count)]
        base, last, values = column.base, column.base, column.values
        if column.mode == 0:
            values += [residual + base for residual in residuals]
        elif column.mode == 1:
            for residual in residuals:
                last += unzigzag(residual)
                values.append(last)
        else:
            partner, rows = self.partner(column)
            scale = self.scale(column, partner)
            for residual, row in zip(residuals, rows):
                last = unzigzag(residual) + (last if column.mode == 3 else base)
                values.append(last + scale * partner.values[row])
        if column.kind == TIME:
            tokens = parse_layout(column.layout)
            write = TimeWriter(pad_layout(tokens) if column.spelling else tokens).text
        else:
            write = number_writer(column.spelling, column.width)
        exceptions = column.exceptions
        column.rows = [exceptions[i] if i in exceptions else write(value) for i, value in enumerate(values)]

    def scale(self, column, partner):
        need(partner.kind in (NUMBER, TIME), f'{self.what}: a partner that has no values')
        if column.kind == NUMBER:
            need(partner.kind == NUMBER, f'{self.what}: a number has a time as its partner')
            return 1
        scale, rest = divmod(column.ticks(), partner.ticks() if partner.kind == TIME else 1)
        need(scale and not rest, f'{self.what}: a time has a finer one as its partner')
        return scale

    def join(self, ends):
        rows = {number: iter(column.rows) for number, column in self.columns.items()}
        parts = []
        for template, end in zip(self.used, ends):
            for static, column in zip(template.statics, template.columns):
                parts += [static, next(rows[column])]
            parts += [template.statics[-1], end]
        return b''.join(parts)


def read_header(column, prior_texts, meta, tables, what):
    """The header of a column, 2.7."""
    header, count = meta.varint(), len(column.lines)
    column.kind, extra = header & 7, header >> 3
    need(column.kind <= RAW, f'{what}: kind {column.kind} of a column')
    if column.kind == CONST:
        need(not extra, f'{what}: bad header of a column')
        column.texts = tables.take(1)
    elif column.kind == DICT:
        column.place = extra
        column.texts = prior_texts + tables.take(meta.varint())
    elif column.kind == RAW:
        column.place = extra
        column.own = meta.varint() if extra else 0
        need(column.own <= count, f'{what}: more own texts than rows')
    else:
        column.mode, column.spelling = extra & 3, extra >> 2
        need(column.spelling <= 2, f'{what}: spelling {column.spelling}')
        if column.kind == NUMBER and column.spelling:
            column.width = meta.varint()
            need(column.width <= 20, f'{what}: width {column.width}')
        if column.kind == TIME:
            need(column.layout not in (b'', b'*'), f'{what}: a time without a layout')
        if column.mode > 1:
            column.place = meta.varint()
            need(column.place, f'{what}: a column without its partner')
        bits = meta.varint()
        need(bits <= 3, f'{what}: bits {bits} of a column')
        column.bytes = bits & 2
        column.base = -meta.varint() if bits & 1 else meta.varint()
        row, rows = 0, []
        for _ in range(meta.varint()):
            row += meta.varint()
            need(row < count and len(rows) < count, f'{what}: an exception beyond the rows')
            rows.append(row)
        column.exceptions = dict(zip(rows, tables.take(len(rows))))


def number_writer(spelling, width):
    if spelling == 0:
        return lambda value: b'%d' % value
    fill = b'0' if spelling == 1 else b' '

    def write(value):
        need(value >= 0, 'a padded number is negative')
        return (b'%d' % value).rjust(width, fill)

    return write
