"""What the bits of a block's float chunks are spent on: timestamps, values, the rest."""
import glob, os
from dataclasses import dataclass

CHUNK_HEADER = 8  # of a segment file: magic, version, padding
XOR = 1


@dataclass
class Bits:
    samples: int = 0
    timestamps: int = 0
    values: int = 0
    framing: int = 0  # lengths, encodings, checksums, counts; chunks of other encodings whole

    @property
    def total(self):
        return self.timestamps + self.values + self.framing

    def bytes(self, what):
        """Of a sample."""
        return getattr(self, what) / 8 / self.samples


def uvarint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def add_xor(data, out):
    """Adds one chunk; its format is in docs/formats/head.md."""
    bits = bin(int.from_bytes(b"\x01" + data, "big"))[3:]
    count = int.from_bytes(data[:2], "big")
    out.samples += count
    out.framing += 16
    at, significant = 16, 0
    for i in range(count):
        begin = at
        if i < 2:
            while bits[at] == "1":  # a varint: the first bit of a byte says that more follow
                at += 8
            at += 8
        else:  # the difference of differences
            ones = 0
            while ones < 4 and bits[at + ones] == "1":
                ones += 1
            at += (1, 2 + 14, 3 + 17, 4 + 20, 4 + 64)[ones]
        out.timestamps += at - begin
        begin = at
        if i == 0:
            at += 64
        elif bits[at] == "0":
            at += 1
        elif bits[at + 1] == "0":
            at += 2 + significant
        else:
            significant = int(bits[at + 7:at + 13], 2) or 64
            at += 13 + significant
        out.values += at - begin
    out.framing += len(bits) - at


def add_block(directory, out):
    for path in sorted(glob.glob(os.path.join(directory, "chunks", "*"))):
        with open(path, "rb") as f:
            data = f.read()
        out.framing += CHUNK_HEADER * 8
        at = CHUNK_HEADER
        while at < len(data):
            length, begin = uvarint(data, at)
            end = begin + 1 + length + 4
            if data[begin] == XOR:
                out.framing += (begin - at + 5) * 8
                add_xor(data[begin + 1:begin + 1 + length], out)
            else:
                out.framing += (end - at) * 8
                out.samples += int.from_bytes(data[begin + 1:begin + 3], "big")
            at = end
