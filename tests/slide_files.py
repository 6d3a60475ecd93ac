"""A small slide as SilverFast writes it, with every tag that is carried along, and the tags of a file read back."""

import struct

import dask.array as da
import xarray as xr

PROVENANCE = "irtoolkit 0.1.0 model 3f2a"


MAKER_NOTE = b"LSI1\x00\x0f" + bytes(range(200))


XMP = b"<x:xmpmeta>" + bytes(range(256)) * 300


TAGS = {
    270: (2, 11, b"Lake Garda\0"),
    271: (2, 8, b"Plustek\0"),
    272: (2, 16, b"OpticFilm 8300i\0"),
    305: (2, 17, b"SilverFast 9.2.8\0"),
    306: (2, 20, b"15.06.2026 21:28:01\0"),
    315: (2, 4, b"Ada\0"),
    700: (1, len(XMP), XMP),
    33432: (2, 7, b"(c) me\0"),
    33723: (7, 9, b"\x1c\x01Z\x00\x03\x1b%G\x01"),
    34675: (7, 132, b"\0\0\0\x84test\2\0\0\0mntrRGB XYZ " + bytes(108)),
    35243: (1, 2, b"\x001"),
    35244: (1, 6, b"Kodak\0"),
}


SAVED = {270, 271, 272, 274, 282, 283, 296, 306, 315, 700, 33432, 33723, 34665, 34675, 34853, 35244}


POINTERS = {34665, 34853, 40965}


def pack(order, position, entries):
    """Pack a classic directory of (code, type, count, bytes), then its long values."""
    after, values, body = position + 6 + 12 * len(entries), b"", struct.pack(order + "H", len(entries))
    for code, kind, count, data in entries:
        field = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", after + len(values))
        values += data + b"\0" * (len(data) % 2) if len(data) > 4 else b""
        body += struct.pack(order + "HHI", code, kind, count) + field
    return body + bytes(4) + values


def write_source(path, order="<"):
    """Write a small slide as SilverFast does: a lying resolution, a date in a form of its own, EXIF and GPS."""
    data = bytearray(struct.pack(order + "2sHI", {"<": b"II", ">": b"MM"}[order], 42, 0) + bytes(37 * 53 * 3 * 2))

    def add(entries):
        place = len(data)
        data.extend(pack(order, place, entries))
        return struct.pack(order + "I", place)

    def shorts(code, *values):
        return code, 3, len(values), struct.pack(f"{order}{len(values)}H", *values)

    inside = add([(1, 2, 4, b"R98\0")])
    exposure = (33434, 5, 1, struct.pack(order + "II", 10, 4000))
    exif = add([exposure, (37500, 7, len(MAKER_NOTE), MAKER_NOTE), (40965, 4, 1, inside)])
    latitude = (2, 5, 3, struct.pack(order + "6I", 45, 1, 40, 1, 3, 7))
    gps = add([(0, 1, 4, b"\2\3\0\0"), latitude])
    size = [shorts(256, 53), shorts(257, 37), shorts(258, 16, 16, 16), shorts(262, 2), shorts(277, 3), shorts(278, 37)]
    strip = [(273, 4, 1, struct.pack(order + "I", 8)), (279, 4, 1, struct.pack(order + "I", 37 * 53 * 3 * 2))]
    resolution = [(282, 5, 1, struct.pack(order + "II", 300, 1)), (283, 5, 1, struct.pack(order + "II", 1796699, 600))]
    texts = [(code, *tag) for code, tag in TAGS.items()]
    film = [shorts(274, 6), shorts(296, 3), (34665, 4, 1, exif), (34853, 4, 1, gps)]
    data[4:8] = add(sorted(size + strip + resolution + texts + film))
    path.parent.mkdir()
    path.write_bytes(data)
    return path


def raw_tags(path, offset=None):
    """Read type, count and bytes of every tag of a classic file's first directory, following pointers."""
    data = path.read_bytes()
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    assert struct.unpack_from(order + "H", data, 2) == (42,)
    (offset,) = [offset] if offset else struct.unpack_from(order + "I", data, 4)
    assert offset % 2 == 0
    tags = {}
    for at in range(offset + 2, offset + 2 + 12 * struct.unpack_from(order + "H", data, offset)[0], 12):
        code, kind, count = struct.unpack_from(order + "HHI", data, at)
        size = count * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind]
        (place,) = struct.unpack_from(order + "I", data, at + 8)
        assert size <= 4 or place % 2 == 0
        value = data[at + 8 : at + 8 + size] if size <= 4 else data[place : place + size]
        tags[code] = raw_tags(path, place) if code in POINTERS else (kind, count, value)
    assert list(tags) == sorted(tags)
    return tags


def bands(values, chunks=None):
    data = values if chunks is None else da.from_array(values, chunks=chunks)
    return xr.DataArray(data, dims=("band", "y", "x"), coords={"band": ["R", "G", "B"]})
