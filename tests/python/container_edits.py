"""Changes of a container's bytes that FFmpeg's muxers do not make, as phones, cutters and damaged disks do.

Each is a function of a file's bytes that gives other bytes, or nothing where the file has no such place. None of
them touches a compressed picture.
"""

import struct


def number(data, at, size=4):
    return int.from_bytes(data[at : at + size], "big")


def boxes(data, start=0, end=None):
    """(kind, where the box begins, where its body begins, where it ends) of the boxes between two places."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, body = number(data, start), start + 8
        if size == 1:
            size, body = number(data, start + 8, 8), start + 16
        elif size == 0:
            size = end - start
        if size < body - start:
            return
        yield bytes(data[start + 4 : start + 8]), start, body, min(start + size, end)
        start += size


def video(data):
    """The boxes of the first video track, by their kinds, as (begin, body, end); nothing where there is none."""
    holders = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex")
    found = {}

    def collect(start, end, into):
        for kind, begin, body, stop in boxes(data, start, end):
            into.setdefault(kind, (begin, body, stop))
            if kind == b"trak":
                track = {}
                collect(body, stop, track)
                handler = track.get(b"hdlr")
                if handler and data[handler[1] + 8 : handler[1] + 12] == b"vide" and b"stts" not in into:
                    into.update(track)
            elif kind in holders:
                collect(body, stop, into)

    collect(0, len(data), found)
    return found if b"stts" in found else None


def in_video(change):
    """Makes a change of an MP4 file out of `change(bytearray, boxes of the video)`, which gives False where it cannot."""

    def changed(data):
        data = bytearray(data)
        places = video(data)
        if places is None or change(data, places) is False:
            return None
        return bytes(data)

    return changed


def durations(rule):
    """Other durations in `stts`, box size unchanged: `rule` takes and gives a list of (count, ticks)."""

    def change(data, places):
        _, body, end = places[b"stts"]
        entries = [struct.unpack_from(">II", data, at) for at in range(body + 8, end - 7, 8)]
        other = rule(entries) if entries else None
        if other is None or len(other) > len(entries):
            return False
        struct.pack_into(">I", data, body + 4, len(other))
        for at, entry in enumerate(other):
            struct.pack_into(">II", data, body + 8 + 8 * at, *entry)

    return in_video(change)


def last_is(ticks):
    """The last sample's duration, with a further entry where the box has no place for it."""

    def changed(data):
        same_size = durations(lambda entries: entries[:-1] + [(1, ticks)] if entries[-1][0] == 1 else None)(data)
        return same_size or with_last(data, ticks)

    return changed


def with_last(data, ticks):
    """Splits the last entry of `stts`: the boxes around it grow by eight bytes. The film's data must lie before."""
    data = bytearray(data)
    places = video(data)
    mdat = data.find(b"mdat")
    if places is None or not 0 <= mdat < places[b"stts"][0]:
        return None
    _, body, end = places[b"stts"]
    count = number(data, body + 4)
    if not count or number(data, end - 8) < 2:
        return None
    struct.pack_into(">I", data, body + 4, count + 1)
    struct.pack_into(">I", data, end - 8, number(data, end - 8) - 1)
    data[end:end] = struct.pack(">II", 1, ticks)
    for kind in (b"stts", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        begin = places[kind][0]
        struct.pack_into(">I", data, begin, number(data, begin) + 8)
    return bytes(data)


def length(kind, factor):
    """A lying length in `mdhd`, `tkhd` or `mvhd` (versions 0 only)."""

    def change(data, places):
        _, body, _ = places[kind]
        at = body + (20 if kind == b"tkhd" else 16)
        if data[body] != 0:
            return False
        struct.pack_into(">I", data, at, min(int(number(data, at) * factor), 0x7FFFFFFF))

    return in_video(change)


def matrix(*values):
    """The matrix of `tkhd`, by its numbers a, b, c, d; where the picture is moved to does not matter."""

    def change(data, places):
        _, body, _ = places[b"tkhd"]
        at = body + (52 if data[body] else 40)
        a, b, c, d = (round(value * 65536) for value in values)
        struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)

    return in_video(change)


def data_size(size):
    """What `mdat` says its size is: 0 where it is the last box, else nothing changes."""

    def changed(data):
        data = bytearray(data)
        top = list(boxes(data))
        last = [box for box in top if box[0] == b"mdat"]
        if not last or number(data, last[-1][1]) == 1:
            return None
        _, begin, _, end = last[-1]
        if size == 0 and end != len(data):
            return None
        struct.pack_into(">I", data, begin, size if size == 0 else end - begin + size)
        return bytes(data) if size == 0 or end == len(data) else None

    return changed


def behind(trailer):
    """Bytes behind the last box."""
    return lambda data: bytes(data) + trailer


def reserved(data):
    """A 64-bit `mdat`, in the place of the `free` box that FFmpeg leaves before it."""
    data = bytearray(data)
    for kind, begin, _, end in boxes(data):
        if kind == b"free" and end - begin == 8 and data[end + 4 : end + 8] == b"mdat":
            size = number(data, end) + 8
            data[begin : begin + 16] = struct.pack(">I4sQ", 1, b"mdat", size)
            return bytes(data)
    return None


def no_sync(data):
    """Without `stss`: every sample is then a key frame by the table."""
    return in_video(lambda data, places: data.__setitem__(slice(places[b"stss"][0] + 4, places[b"stss"][0] + 8), b"free") if b"stss" in places else False)(data)


TURNS = {
    "turned_90": (0, 1, -1, 0),
    "turned_180": (-1, 0, 0, -1),
    "turned_270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside_down": (1, 0, 0, -1),
    "mirrored_turned_90": (0, -1, -1, 0),
    "mirrored_turned_270": (0, 1, 1, 0),
    "scaled": (2, 0, 0, 1),
}

# name: containers it is for, what it starts from, the change
CHANGES = {
    "last_of_0": (["mp4", "mov"], "plain", last_is(0)),
    "last_of_1": (["mp4", "mov"], "plain", last_is(1)),
    "last_of_0_cut": (["mp4", "mov"], "cut", last_is(0)),
    "all_of_1": (["mp4", "mov"], "plain", durations(lambda entries: [(count, 1) for count, _ in entries])),
    "times_short": (["mp4", "mov"], "plain", durations(lambda entries: entries[:-1] + [(max(entries[-1][0] - 4, 1), entries[-1][1])])),
    "times_long": (["mp4", "mov"], "plain", durations(lambda entries: entries[:-1] + [(entries[-1][0] + 9, entries[-1][1])])),
    "times_short_cut": (["mp4", "mov"], "cut", durations(lambda entries: entries[:-1] + [(max(entries[-1][0] - 4, 1), entries[-1][1])])),
    "media_length_0": (["mp4", "mov"], "plain", length(b"mdhd", 0)),
    "media_length_lies": (["mp4", "mov"], "cut", length(b"mdhd", 100)),
    "media_length_half": (["mp4", "mov"], "plain", length(b"mdhd", 0.5)),
    "track_length_0": (["mp4", "mov"], "plain", length(b"tkhd", 0)),
    "track_length_half": (["mp4", "mov"], "cut", length(b"tkhd", 0.5)),
    "film_length_0": (["mp4", "mov"], "plain", length(b"mvhd", 0)),
    "film_length_half": (["mp4", "mov"], "cut", length(b"mvhd", 0.5)),
    "data_to_the_end": (["mp4", "mov"], "front", data_size(0)),
    "data_too_long": (["mp4", "mov"], "front", data_size(9)),
    "data_of_64_bits": (["mp4", "mov"], "plain", reserved),
    "no_sync": (["mp4", "mov"], "plain", no_sync),
    "no_sync_cut": (["mp4", "mov"], "cut", no_sync),
    "three_bytes_behind": (["mp4", "mov", "mkv", "webm", "ts", "avi"], "plain", behind(b"\0\1\2")),
    "text_behind": (["mp4", "mov", "avi"], "plain", behind(b"made by a camera, serial number 1234567890\n" * 5)),
    "box_cut_behind": (["mp4", "mov"], "plain", behind(struct.pack(">I4s", 100, b"free") + b"only a part")),
    "zeros_behind": (["mp4", "mov", "mkv", "webm", "ts", "avi"], "plain", behind(bytes(1000))),
    "behind_fragments": (["mp4", "mov"], "fragments", behind(b"\0\1\2")),
    **{name: (["mp4", "mov"], "plain", matrix(*turn)) for name, turn in TURNS.items()},
}
