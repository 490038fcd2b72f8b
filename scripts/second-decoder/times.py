"""Times of logs, docs/format.md 2.9: from ticks to texts by a layout."""

from fields import need

MONTHS = (b'Jan', b'Feb', b'Mar', b'Apr', b'May', b'Jun', b'Jul', b'Aug', b'Sep', b'Oct', b'Nov', b'Dec')
DAYS = (b'Mon', b'Tue', b'Wed', b'Thu', b'Fri', b'Sat', b'Sun')
FIELDS, FRACTIONS = 'YymbadeDHMShis123456f', '123456f'
# How each field is written, of (year, month, day, hour, minute, second, fraction, weekday).
WRITERS = {
    'Y': lambda t: b'%04d' % t[0], 'y': lambda t: b'%02d' % (t[0] - 2000),
    'm': lambda t: b'%02d' % t[1], 'b': lambda t: MONTHS[t[1] - 1], 'a': lambda t: DAYS[t[7]],
    'd': lambda t: b'%02d' % t[2], 'e': lambda t: b'%2d' % t[2], 'D': lambda t: b'%d' % t[2],
    'H': lambda t: b'%02d' % t[3], 'M': lambda t: b'%02d' % t[4], 'S': lambda t: b'%02d' % t[5],
    'h': lambda t: b'%d' % t[3], 'i': lambda t: b'%d' % t[4], 's': lambda t: b'%d' % t[5],
    'f': lambda t: b'%d' % t[6],
    **{str(k): lambda t, k=k: b'%0*d' % (k, t[6]) for k in range(1, 7)},
}


def parse_layout(layout):
    """A list of fields (a `str` of one character each) and literal `bytes`."""
    fault = f'bad layout of a time: {layout!r}'
    need(len(layout) <= 64 and 0 not in layout and b'%%' not in layout, fault)
    tokens, characters = [], iter(layout.decode('latin-1'))
    for character in characters:
        if character in FIELDS:
            tokens.append(character)
            continue
        need(not (character.isascii() and character.isalnum()), fault)
        if character == '%':
            character = next(characters, None)
            need(character, fault)
        tokens.append(character.encode('latin-1'))
    fields = [token for token in tokens if isinstance(token, str)]
    need(fields and sum(field in FRACTIONS for field in fields) < 2, fault)
    return tokens


def pad_layout(layout):
    """The padded variant, spelling 1 and 2."""
    at = next((at for at, byte in enumerate(layout) if byte == ord('e') and layout[at - 1 : at] != b'%'), len(layout))
    layout = layout[:at] + b'd' * (at < len(layout)) + layout[at + 1 :]
    return layout[:-7] + b'H:M:S:3' if layout.endswith(b'h:i:s:f') else layout


def ticks_of(tokens):
    """Ticks in a second."""
    return next((1000 if t == 'f' else 10 ** int(t) for t in tokens if isinstance(t, str) and t in FRACTIONS), 1)


def date_of(day):
    """Year, month and day of a day since 1970-01-01, in the Gregorian calendar (counted in years that begin in March)."""
    era, day = divmod(day + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return era * 400 + year + (month >= 10), (month + 2) % 12 + 1, day - (153 * month + 2) // 5 + 1


def time_writer(tokens):
    """A function from ticks to the text of a time."""
    ticks = ticks_of(tokens)
    writers = [WRITERS[token] if isinstance(token, str) else lambda _, token=token: token for token in tokens]
    years = range(2000, 2100) if 'y' in tokens else range(1970, 10000) if 'Y' in tokens else None
    dates = {}

    def write(value):
        second, fraction = divmod(value, ticks)
        day, second = divmod(second, 86400)
        if day not in dates:
            dates[day] = date_of(day)
            need(years is None or dates[day][0] in years, f'the year {dates[day][0]} of a time')
        time = (*dates[day], second // 3600, second // 60 % 60, second % 60, fraction, (day + 3) % 7)
        return b''.join([writer(time) for writer in writers])

    return write
