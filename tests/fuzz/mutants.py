"""Damaged copies of whole files: fields of TIFF, PNG and PGM with values that break readers, and bytes at random.

A mutant is a list of steps, each a kind of damage and a number that seeds it, so it can be made again and shortened.
"""

import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
POINTERS = {330, 34665, 34853, 40965}
CODES = [254, 256, 257, 258, 259, 262, 266, 270, 271, 272, 273, 274, 277, 278, 279, 282, 283, 284, 296, 305, 306, 317]
CODES += [322, 323, 324, 325, 330, 338, 339, 700, 34665, 34675, 34853, *range(50706, 50722), 50829]
NUMBERS = [0, 1, 2, 3, 4, 7, 8, 5, 16, 255, 256, 257, 4096, 32767, 65535, 65536, 34933, 34712, 50000, 50002, 10**6]
NUMBERS += [10**7, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**40, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
FLOATS = [float("nan"), float("inf"), -float("inf"), 1e200, -1.0, 0.5, 1e-320, 1e10, 0.0, -0.0]
WORDS = [
    b'Silverfast:Negative="',
    b"Silverfast:Gamma>",
    b"<",
    b'"',
    b"\x1b[31m",
    b"\0",
    b"\n" * 99,
    b"\xff\xd8\xff\xc3",
]
WORDS += [b"&#1114112;", b"\xe2\x80\xae", b"a" * 140_000, b"Silverfast:ScanRes = " * 9000, b"\xff\x4f\xff\x51", b"mluc"]
WORDS += [b"desc" + b"\xff" * 12, b'Silverfast:FilmType="' * 9000, b"9" * 400, b"\xff\x0a\xff", b"%s%n", b"\xc2\x9b"]
WORDS += [b"\xff\xd8\xff\xc3"]


class Field(NamedTuple):
    """An entry of a directory: where it is, its code, type and count, and where its value is."""

    place: int
    code: int
    kind: int
    count: int
    value: int


class Map(NamedTuple):
    """What is known of the form of a TIFF file: byte order, BigTIFF, fields, directories, and pointers to those."""

    order: str
    big: bool
    fields: list[Field]
    directories: list[int]
    links: list[int]

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")


def map_of(data: bytes) -> Map | None:
    """Find the fields of a whole TIFF file; None for another."""
    if data[:2] not in (b"II", b"MM"):
        return None
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2) == (43,)
    found = Map(order, big, [], [], [8 if big else 4])
    waiting = [struct.unpack_from(found.offset, data, found.links[0])[0]]
    while waiting:
        place = waiting.pop()
        if place and place not in found.directories:
            waiting += _read_directory(data, place, found)
    return found


def _read_directory(data: bytes, place: int, found: Map) -> Iterator[int]:
    """Add the fields of one directory, and give the places of those that it leads to."""
    found.directories.append(place)
    head, step, room = ("Q", 20, 8) if found.big else ("H", 12, 4)
    (number,) = struct.unpack_from(found.order + head, data, place)
    start = place + struct.calcsize("=" + head)
    for at in range(start, start + number * step, step):
        code, kind = struct.unpack_from(found.order + "HH", data, at)
        (count,) = struct.unpack_from(found.offset, data, at + 4)
        inline = count * SIZES[kind] <= room
        value = at + step - room if inline else struct.unpack_from(found.offset, data, at + step - room)[0]
        found.fields.append(Field(at, code, kind, count, value))
        if code in POINTERS:
            form = found.order + {4: "I", 13: "I", 16: "Q", 18: "Q"}[kind]
            yield from (struct.unpack_from(form, data, value + i * SIZES[kind])[0] for i in range(count))
    found.links.append(start + number * step)
    yield struct.unpack_from(found.offset, data, found.links[-1])[0]


Damage = Callable[[bytearray, Map, random.Random], None]


def put(data: bytearray, place: int, content: bytes) -> None:
    """Overwrite bytes as far as the file goes."""
    end = min(place + len(content), len(data))
    if place < end:
        data[place:end] = content[: end - place]


def packed(order: str, size: int, value: int) -> bytes:
    """The lowest bytes of a number."""
    return (value % (1 << 8 * size)).to_bytes(size, "little" if order == "<" else "big")


def _place(data: bytearray, form: Map, rng: random.Random) -> int:
    """A place that a pointer should not have."""
    places = [*form.directories, *(field.place for field in form.fields[:3]), 0, 1, 4, 8, len(data), len(data) - 1]
    return rng.choice([*places, len(data) - 8, rng.randrange(len(data)), 2**31, 2**32 - 1])


def set_value(data: bytearray, form: Map, rng: random.Random) -> None:
    """One number of a field."""
    field = rng.choice(form.fields)
    size = SIZES[field.kind] // (2 if field.kind in (5, 10) else 1)
    numbers = NUMBERS if rng.random() < 0.7 else [_place(data, form, rng), len(data), -1, -2]
    place = field.value + size * rng.randrange(min(max(field.count, 1), 9))
    put(data, place, packed(form.order, size, rng.choice(numbers)))


def set_type(data: bytearray, form: Map, rng: random.Random) -> None:
    """The type of a field."""
    put(data, rng.choice(form.fields).place + 2, packed(form.order, 2, rng.choice([*range(20), 129, 65535])))


def set_count(data: bytearray, form: Map, rng: random.Random) -> None:
    """The number of values of a field."""
    size = 8 if form.big else 4
    count = rng.choice([*NUMBERS, len(data), len(data) // 2, len(data) // 4, len(data) // 8, rng.randrange(9999)])
    put(data, rng.choice(form.fields).place + 4, packed(form.order, size, count))


def set_code(data: bytearray, form: Map, rng: random.Random) -> None:
    """The number of a field."""
    put(data, rng.choice(form.fields).place, packed(form.order, 2, rng.choice(CODES)))


def set_place(data: bytearray, form: Map, rng: random.Random) -> None:
    """Where the value of a field, or a directory, is."""
    size = 8 if form.big else 4
    links = [field.place + (12 if form.big else 8) for field in form.fields] + form.links * 9
    put(data, rng.choice(links), packed(form.order, size, _place(data, form, rng)))


def set_number(data: bytearray, form: Map, rng: random.Random) -> None:
    """The number of fields of a directory."""
    number = packed(form.order, 8 if form.big else 2, rng.choice([0, 1, 999, 1001, 65535, rng.randrange(40), *NUMBERS]))
    put(data, rng.choice(form.directories), number)


def set_content(data: bytearray, form: Map, rng: random.Random) -> None:
    """A field of another type, with floats, words or whole numbers at the end of the file."""
    kind, content = rng.choice(
        [
            (12, struct.pack(form.order + "d", rng.choice(FLOATS)) * rng.choice([1, 1, 3, 4, 999])),
            (11, struct.pack(form.order + "f", rng.choice([f for f in FLOATS if abs(f) != 1e200]))),
            (rng.choice([1, 2, 7]), b"".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 9)))),
            (rng.choice([3, 4, 6, 9, 16]), packed(form.order, 8, rng.choice(NUMBERS)) * rng.choice([1, 4, 5000])),
        ]
    )
    field = rng.choice(form.fields)
    size, room = (8, 8) if form.big else (4, 4)
    count = len(content) // SIZES[kind]
    inline = len(content) <= room
    head = struct.pack(form.order + "H", kind) + packed(form.order, size, count)
    put(data, field.place + 2, head + (content if inline else packed(form.order, size, len(data))))
    data += b"" if inline else content


def set_branches(data: bytearray, form: Map, rng: random.Random) -> None:
    """A field that becomes SubIFDs: many directories, each of which lists the file from some byte on."""
    count = rng.choice([2, 99, 501, 5000])
    size, places = 8 if form.big else 4, []
    step, head = (20, "Q") if form.big else (12, "H")
    for number in range(min(count, 200)):
        places.append(len(data) + len(data) % 2)
        entries = rng.randrange(1, 5)
        data += bytes(len(data) % 2) + struct.pack(form.order + head, entries)
        for code in rng.sample(CODES, entries):
            data += struct.pack(form.order + "HH", code, rng.choice([1, 3, 6, 7])) + packed(form.order, size, len(data))
            data += packed(form.order, step - 4 - size, number)
        data += bytes(size)
    field, listed = rng.choice(form.fields), b"".join(packed(form.order, size, place) for place in places)
    kind = 16 if form.big else 4
    put(data, field.place, struct.pack(form.order + "HH", 330, kind) + packed(form.order, size, len(listed) // size))
    put(data, field.place + 4 + size, packed(form.order, size, len(data)))
    data += listed * -(-count // 200)


def set_chain(data: bytearray, form: Map, rng: random.Random) -> None:
    """A long chain of directories at the end of the file, that overlap."""
    size = 8 if form.big else 4
    number = b"\0\0\0\0\0\0\0\0" if form.big else b"\0\0"
    start = len(data)
    put(data, rng.choice(form.links), packed(form.order, size, start))
    step = len(number) + size
    for index in range(rng.choice([9, 499, 501, 3000])):
        data += number + packed(form.order, size, start + (index + 1) * step)


FIELD_DAMAGE: list[Damage] = [set_value] * 8 + [set_type, set_count, set_code, set_place, set_content, set_content]
FIELD_DAMAGE += [set_number, set_branches, set_chain]


def flip(data: bytearray, rng: random.Random) -> None:
    """Some bytes, mostly near the start or the end."""
    for _ in range(rng.randrange(1, 12)):
        place = rng.choice([rng.randrange(len(data)), rng.randrange(min(400, len(data)))])
        place = rng.choice([place, len(data) - 1 - place])
        data[place] = rng.choice([0, 1, 127, 128, 255, data[place] ^ (1 << rng.randrange(8)), rng.randrange(256)])


def cut(data: bytearray, rng: random.Random) -> None:
    """The end of the file, or a part in its middle."""
    start = rng.randrange(1, len(data))
    del data[start : rng.choice([len(data), start + rng.randrange(64), start + rng.randrange(4096)])]


def repeat(data: bytearray, rng: random.Random) -> None:
    """A part of the file, once more at another place."""
    start = rng.randrange(len(data))
    part = data[start : start + rng.choice([1, 12, 99, 4096])]
    place = rng.randrange(len(data))
    if rng.random() < 0.5:
        put(data, place, bytes(part))
    else:
        data[place:place] = part


def insert_word(data: bytearray, rng: random.Random) -> None:
    """A word that readers stumble over."""
    place = rng.randrange(len(data))
    data[place:place] = rng.choice(WORDS)


def change_chunk(data: bytearray, rng: random.Random) -> None:
    """A chunk of a PNG file: its length, name or content, with a sum that is right; or the chunk once more."""
    places, place = [], 8
    while place + 12 <= len(data):
        places.append(place)
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    place = rng.choice(places or [0])
    length = int.from_bytes(data[place : place + 4], "big")
    content = bytearray(data[place + 8 : place + 8 + length]) or bytearray(1)
    if rng.random() < 0.2:
        put(data, place, packed(">", 4, rng.choice(NUMBERS)))
        return
    if rng.random() < 0.5:
        put(content, rng.randrange(min(len(content), 20)), packed(">", rng.choice([1, 4]), rng.choice(NUMBERS)))
    name = bytes(data[place + 4 : place + 8])
    name = name if rng.random() < 0.8 else rng.choice([b"iCCP", b"tEXt", b"iTXt", b"eXIf", b"pHYs", b"IDAT", b"IEND"])
    if name == b"iCCP" and rng.random() < 0.5:
        content = bytearray(b"a\0\0" + zlib.compress(bytes(50_000_000), 9))
    chunk = packed(">", 4, len(content)) + name + content + packed(">", 4, zlib.crc32(name + content))
    end = place + 12 + length if rng.random() < 0.7 else place
    data[place:end] = chunk * rng.choice([1, 1, 1, 2, 500])


def change_digits(data: bytearray, rng: random.Random) -> None:
    """A number in the header of a PGM or PPM file."""
    found = [*re.finditer(rb"\d+", bytes(data[:60]))][1:4]
    if found:
        one = rng.choice(found)
        digits = [b"0", b"1", b"99999999999999999999", b"-1", b"65536", b"1e9", b"1000000", b"1000001", b"9" * 4200]
        data[one.start() : one.end()] = rng.choice([*digits, b"#\n" * 2000 + b"9", b" " * 4000 + b"7", b"4" * 17])


BYTE_DAMAGE: list[Callable[[bytearray, random.Random], None]] = [flip, flip, cut, repeat, insert_word]

Step = tuple[str, int]


def choose_steps(data: bytes, rng: random.Random) -> list[Step]:
    """One to four kinds of damage for a file."""
    kinds = [damage.__name__ for damage in (*BYTE_DAMAGE, *_own_damage(data))]
    return [(rng.choice(kinds), rng.randrange(2**32)) for _ in range(rng.choice([1, 1, 2, 3, 4]))]


def _own_damage(data: bytes) -> list[Callable[..., None]]:
    """The damage that is only for files of a kind."""
    if data.startswith(b"\x89PNG"):
        return [change_chunk] * 9
    return [change_digits] * 9 if data[:1] == b"P" else [*FIELD_DAMAGE]


_BY_NAME = {each.__name__: each for each in (*FIELD_DAMAGE, *BYTE_DAMAGE, change_chunk, change_digits)}


def damaged(whole: bytes, form: Map | None, steps: list[Step], others: list[bytes]) -> bytes:
    """A file after some steps; every ninth gets the end of another file, too."""
    data = bytearray(whole)
    for name, seed in steps:
        rng, damage = random.Random(seed), _BY_NAME[name]
        if damage in FIELD_DAMAGE:
            damage(data, form, rng)
        else:
            damage(data, rng)
        if not data:
            return b""
        if others and seed % 9 == 0:
            other = rng.choice(others)
            data[rng.randrange(len(data)) :] = other[rng.randrange(len(other)) :]
    return bytes(data)
