"""Files that few programs write: lossless JPEG, DNG levels, PNG with more chunks."""

import struct
import zlib

import imagecodecs
import numpy as np
import tifffile

DNG = 34892
VERSION = (50706, "B", 4, (1, 4, 0, 0), True)


def rgbi(path, counts, **options):
    """Write counts (band, y, x) as four samples of a pixel."""
    pixels = np.moveaxis(counts, 0, -1)
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[0], planarconfig="contig", metadata=None, **options)


def lossless_jpeg(values):
    """Encode (y, x, sample) uint16 as one lossless frame, with the value to the left as prediction (ITU-T T.81, H)."""
    height, width, samples = values.shape
    signed = values.astype(int)
    left = np.empty_like(signed)
    left[0, 0], left[1:, 0], left[:, 1:] = 32768, signed[:-1, 0], signed[:, :-1]
    bits = []
    for difference in ((signed - left + 32768) % 65536 - 32768).ravel().tolist():
        size = abs(difference).bit_length()
        bits.append(f"{size:05b}")
        if 0 < size < 16:
            bits.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    table = struct.pack(">HB", 36, 0) + bytes([0] * 4 + [17] + [0] * 11) + bytes(range(17))
    frame = struct.pack(">HBHHB", 8 + 3 * samples, 16, height, width, samples)
    frame += b"".join(bytes([number, 0x11, 0]) for number in range(samples))
    scan = struct.pack(">HB", 6 + 2 * samples, samples) + b"".join(bytes([number, 0]) for number in range(samples))
    return b"\xff\xd8\xff\xc4" + table + b"\xff\xc3" + frame + b"\xff\xda" + scan + b"\1\0\0" + data + b"\xff\xd9"


def dng(path, codes, tags, infrared=None, **storage):
    """Write codes (y, x, sample) as the linear raw picture of a DNG, with infrared on a page of its own."""
    with tifffile.TiffWriter(path) as tiff:
        thumbnail = np.zeros((4, 5, 3), np.uint8)
        subifds = 1 if infrared is None else 2
        tiff.write(thumbnail, photometric="rgb", subfiletype=1, subifds=subifds, metadata=None, extratags=[VERSION])
        tiff.write(codes, photometric=DNG, planarconfig="contig", metadata=None, extratags=tags, **storage)
        if infrared is not None:
            tiff.write(infrared, photometric="minisblack", metadata=None)


def write_png(path, pixels, *, metadata=()):
    """Write a PNG with more chunks than imagecodecs writes."""
    data = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    chunks = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in metadata
    )
    path.write_bytes(data[:33] + chunks + data[33:])
