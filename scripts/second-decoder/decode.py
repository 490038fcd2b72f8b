#!/usr/bin/python3
"""Decode a .pith file: a second decoder, written from docs/format.md alone.

It reads entries of the codec general, and of logzip at levels fast and default. Needs Python 3.9 or newer and the module
brotli (on Debian: python3-brotli).
"""

import argparse
import sys

from container import read_container
from fields import PithFileError, need, unbrotli
from logzip import decode_log


def decode_general(entry):
    """The codec general, part 3."""
    parts = []
    for number, block in enumerate(entry.of('data')):
        what, payload = f'section data, block {number}', block.load()
        need(payload and payload[0] < 2, f'{what}: method {payload[:1].hex()} is not known')
        parts.append(unbrotli(payload[1:], block.raw, what) if payload[0] else payload[1:])
        need(len(parts[-1]) == block.raw, f'{what}: {len(parts[-1])} bytes in place of {block.raw}')
    return b''.join(parts)


DECODERS = {'general': decode_general, 'logzip': decode_log}


def decode(entry):
    """The bytes of an entry that is a file."""
    need(entry.kind == 'file', f'entry {entry.number} is a {entry.kind}, it has no bytes')
    need(entry.codec in DECODERS, f'entry {entry.number}: codec {entry.codec} is not known')
    need(entry.version == 1, f'entry {entry.number}: version {entry.version} of {entry.codec} is not known')
    need(entry.external is None, f'entry {entry.number}: it needs a profile that is kept elsewhere')
    data = DECODERS[entry.codec](entry)
    need(len(data) == entry.decoded_length(), f'entry {entry.number}: another length than the file says')
    return data


def choose(entries, path):
    found = [entry for entry in entries if path in (None, entry.path)]
    need(found or path is None, f'there is no entry {path}; --list shows them')
    need(len(found) == 1, f'the file has {len(entries)} entries; --list shows them, --entry PATH takes one')
    return found[0]


def describe(entry):
    path = ' -> '.join(part for part in (entry.path or '-', entry.link) if part)
    return f'{entry.kind}\t{entry.codec}\t{entry.decoded_length()}\t{path}\n'


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
            sys.stdout.write(''.join(map(describe, entries)))
        else:
            sys.stdout.buffer.write(decode(choose(entries, args.entry)))
    except (PithFileError, OSError) as error:
        print(f'decode.py: error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
