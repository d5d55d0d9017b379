"""Takes remote read answers apart: snappy, protobuf, frames with their checksums, chunks of floats."""
import struct


def unsnappy(data):
    length, at = uvarint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            n = tag >> 2
            if n >= 60:
                extra = n - 59
                n = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if tag & 3 == 1:
            n, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            n, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        assert 0 < offset <= len(out)
        for _ in range(n):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


def uvarint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    at = 0
    while at < len(data):
        key, at = uvarint(data, at)
        if key & 7 == 0:
            value, at = uvarint(data, at)
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            assert key & 7 == 2
            length, at = uvarint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length
        yield key >> 3, value


def label_of(data):
    parts = dict(fields(data))
    return parts.get(1, b"").decode(), parts.get(2, b"").decode()


def samples_of(message):
    """[[(labels, samples), …], …] by query. Series without samples are left out: which ones there are
    depends on chunks. So does where a histogram is known to follow another one without a reset."""
    out = []
    for number, result in fields(message):
        assert number == 1
        all_series = []
        for _, series in fields(result):
            labels, samples = [], []
            for part, data in fields(series):
                if part == 1:
                    labels.append(label_of(data))
                elif part == 2:
                    point = dict(fields(data))
                    # Go's writer leaves out -0 as well.
                    value = point.get(1, bytes(8))
                    samples.append((signed(point.get(2, 0)), bytes(8) if value == b"\0" * 7 + b"\x80" else value))
                else:
                    # Bounds of custom buckets (16): 3.5 leaves them out.
                    point = sorted(f for f in fields(data) if f not in ((14, 0), (14, 2), (4, 0)) and f[0] != 16 and f[1] != bytes(8))
                    samples.append((signed(dict(fields(data)).get(15, 0)), tuple(point)))
            if samples:
                all_series.append((labels, sorted(samples, key=lambda s: s[0])))
        out.append(sorted(all_series))
    return out


TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def frames_of(body):
    """(query, labels, chunks) of each frame."""
    at = 0
    while at < len(body):
        length, at = uvarint(body, at)
        crc = struct.unpack(">I", body[at:at + 4])[0]
        message = body[at + 4:at + 4 + length]
        at += 4 + length
        assert len(message) == length and crc32c(message) == crc, "damaged frame"
        query, labels, chunks = 0, [], []
        for number, value in fields(message):
            if number == 2:
                query = value
                continue
            for part, data in fields(value):
                if part == 1:
                    labels.append(label_of(data))
                else:
                    chunk = dict(fields(data))
                    chunks.append((signed(chunk.get(1, 0)), signed(chunk.get(2, 0)), chunk[3], chunk[4]))
        yield query, labels, chunks


def chunks_of(body):
    """[query, labels, samples] by series, in the order they came: where chunks end is each server's own
    choice. Of a run of histograms first and last time, kind and number."""
    out = []
    for query, labels, chunks in frames_of(body):
        if not out or out[-1][:2] != [query, labels]:
            out.append([query, labels, []])
        for mint, maxt, kind, data in chunks:
            run = out[-1][2][-1] if out[-1][2] else None
            if kind != 1:
                count = struct.unpack(">H", data[:2])[0]
                if run and len(run) == 4 and run[2] == kind and run[1] < mint:
                    out[-1][2][-1] = (run[0], maxt, kind, run[3] + count)
                else:
                    out[-1][2].append((mint, maxt, kind, count))
                continue
            points = list(floats(data))
            assert (points[0][0], points[-1][0]) == (mint, maxt), "bounds of a chunk"
            out[-1][2] += points
    return out


class Bits:
    def __init__(self, data):
        self.bits, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, n):
        self.left -= n
        return self.bits >> self.left & (1 << n) - 1


def floats(data):
    """The samples of an XOR chunk: (time, bits)."""
    count = struct.unpack(">H", data[:2])[0]
    raw, at = uvarint(data, 2)
    t = raw >> 1 ^ -(raw & 1)
    value = int.from_bytes(data[at:at + 8], "big")
    yield t, value
    if count == 1:
        return
    delta, at = uvarint(data, at + 8)
    bits, leading, trailing = Bits(data[at:]), 0, 0
    for i in range(1, count):
        if i > 1:
            width = next((w for w in (0, 14, 17, 20) if not bits.take(1)), 64)
            change = bits.take(width) if width else 0
            if width and change > 1 << width - 1:
                change -= 1 << width
            delta += change
        t += delta
        if bits.take(1):
            if bits.take(1):
                leading, width = bits.take(5), bits.take(6) or 64
                trailing = 64 - leading - width
            value ^= bits.take(64 - leading - trailing) << trailing
        yield t, value
