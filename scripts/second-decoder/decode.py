#!/usr/bin/python3
"""Decode a .pith file: a second decoder, written from docs/format.md alone.

It reads what the codecs stored and general wrote, and logzip at levels fast and default. Needs Python 3.9 or newer and
Debian's python3-brotli (or any module `brotli`).
"""

import argparse
import sys

from container import read_container
from fields import PithFileError, need
from logzip import decode_log
from streams import unbrotli


def decode_general(entry):
    parts = []
    for number, block in enumerate(entry.of('data')):
        what = f'section data, block {number}'
        payload = block.load()
        need(payload and payload[0] < 2, f'{what}: method {payload[:1].hex()} is not known')
        parts.append(payload[1:] if payload[0] == 0 else unbrotli(payload[1:], block.raw, what))
        need(len(parts[-1]) == block.raw, f'{what}: {len(parts[-1])} bytes in place of {block.raw}')
    return b''.join(parts)


def decode_stored(entry):
    return b''.join(block.load() for block in entry.of('data'))


DECODERS = {'stored': decode_stored, 'general': decode_general, 'logzip': decode_log}


def decode(entry):
    """The bytes of an entry that is a file."""
    need(entry.kind == 'file', f'entry {entry.number} is a {entry.kind}, it has no bytes')
    need(entry.codec in DECODERS, f'entry {entry.number}: codec {entry.codec} is not known')
    need(entry.external is None, f'entry {entry.number}: it needs a profile that is kept elsewhere')
    data = DECODERS[entry.codec](entry)
    need(len(data) == entry.decoded_length(), f'entry {entry.number}: another length than the file says')
    return data


def choose(entries, path):
    if path is not None:
        found = [entry for entry in entries if entry.path == path]
        need(found, f'there is no entry {path!r}; --list shows them')
        return found[0]
    need(len(entries) == 1, f'the file has {len(entries)} entries; --list shows them, --entry PATH takes one')
    return entries[0]


def describe(entry):
    path = '-' if entry.path is None else entry.path
    link = '' if entry.link is None else f' -> {entry.link}'
    return f'{entry.kind}\t{entry.codec}\t{entry.decoded_length()}\t{path}{link}\n'


def main():
    parser = argparse.ArgumentParser(description='Decode a .pith file to stdout.')
    parser.add_argument('file')
    parser.add_argument('--entry', metavar='PATH', help='the entry to decode, of a file that has several')
    parser.add_argument('--list', action='store_true', help='print kind, codec, bytes and path of each entry')
    args = parser.parse_args()
    try:
        with open(args.file, 'rb') as file:
            entries = read_container(file.read())
        if args.list:
            sys.stdout.write(''.join(describe(entry) for entry in entries))
        else:
            sys.stdout.buffer.write(decode(choose(entries, args.entry)))
    except (PithFileError, OSError) as error:
        print(f'decode.py: error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
