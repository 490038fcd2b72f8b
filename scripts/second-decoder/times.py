"""Times of logs, docs/format.md 2.9: from ticks to texts by a layout."""

from fields import need

MONTHS = (b'Jan', b'Feb', b'Mar', b'Apr', b'May', b'Jun', b'Jul', b'Aug', b'Sep', b'Oct', b'Nov', b'Dec')
DAYS = (b'Mon', b'Tue', b'Wed', b'Thu', b'Fri', b'Sat', b'Sun')
FIELDS = b'YymbadeDHMShis123456f'
FRACTIONS = b'123456f'


def parse_layout(layout):
    """A list of fields (one character each) and literal bytes."""
    need(len(layout) <= 64 and 0 not in layout and b'%%' not in layout, f'bad layout of a time: {layout!r}')
    tokens, at = [], 0
    while at < len(layout):
        byte = layout[at : at + 1]
        if byte == b'%':
            at += 1
            need(at < len(layout), f'bad layout of a time: {layout!r}')
            tokens.append(layout[at : at + 1])
        elif byte in FIELDS:
            tokens.append(byte.decode())
        else:
            need(not byte.isalnum(), f'bad layout of a time: {layout!r}')
            tokens.append(byte)
        at += 1
    fractions = [token for token in tokens if is_fraction(token)]
    need(any(isinstance(token, str) for token in tokens) and len(fractions) < 2, f'bad layout of a time: {layout!r}')
    return tokens


def is_fraction(token):
    return isinstance(token, str) and token.encode() in FRACTIONS


def pad_layout(tokens):
    """The padded variant, spelling 1 and 2."""
    tokens = list(tokens)
    if 'e' in tokens:
        tokens[tokens.index('e')] = 'd'
    if tokens[-7:] == ['h', b':', 'i', b':', 's', b':', 'f']:
        tokens[-7::2] = ['H', 'M', 'S', '3']
    return tokens


def ticks_of(tokens):
    """Ticks in a second."""
    for token in tokens:
        if is_fraction(token):
            return 1000 if token == 'f' else 10 ** int(token)
    return 1


def date_of(day):
    """Year, month and day of a day since 1970-01-01, in the Gregorian calendar (years that begin in March)."""
    day += 719468
    era, day = divmod(day, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return era * 400 + year + (month >= 10), (month + 2) % 12 + 1, day - (153 * month + 2) // 5 + 1


class TimeWriter:
    """Writes times of one layout."""

    def __init__(self, tokens):
        self.tokens, self.ticks = tokens, ticks_of(tokens)
        self.last_day = None

    def text(self, value):
        second, fraction = divmod(value, self.ticks)
        day, second = divmod(second, 86400)
        if day != self.last_day:
            self.last_day, self.date = day, date_of(day)
        year, month, date = self.date
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        parts = []
        for token in self.tokens:
            if isinstance(token, bytes):
                parts.append(token)
            elif token == 'Y':
                need(0 <= year <= 9999, f'the year {year} of a time')
                parts.append(b'%04d' % year)
            elif token == 'y':
                need(2000 <= year <= 2099, f'the year {year} of a time')
                parts.append(b'%02d' % (year - 2000))
            elif token == 'b':
                parts.append(MONTHS[month - 1])
            elif token == 'a':
                parts.append(DAYS[(day + 3) % 7])
            elif token == 'e':
                parts.append(b'%2d' % date)
            elif token in 'mdHMS':
                parts.append(b'%02d' % {'m': month, 'd': date, 'H': hour, 'M': minute, 'S': second}[token])
            elif token in 'Dhisf':
                parts.append(b'%d' % {'D': date, 'h': hour, 'i': minute, 's': second, 'f': fraction}[token])
            else:
                parts.append(b'%0*d' % (int(token), fraction))
        return b''.join(parts)
