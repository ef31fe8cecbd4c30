"""Changes to the bytes of films, by which `container_matrix.py` makes what no encoder writes.

Each takes a file and gives its bytes changed, or nothing where the change is none for it.
"""

import subprocess

PACKET = 188


def check_sum(table):
    """That of a table of a transport stream (ISO 13818-1, annex A)."""
    value = 0xFFFFFFFF
    for byte in table:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def clockless(file, times=True, announced=True):
    """A transport stream without a clock reference; without `times` its pictures have none either, and without
    `announced` the table of the program says that there is no clock."""
    data = bytearray(file.read_bytes())
    if data[0] != 0x47 or data[PACKET] != 0x47:
        return None
    program = None
    for at in range(0, len(data) - PACKET + 1, PACKET):
        stream, control, begins = (data[at + 1] & 0x1F) << 8 | data[at + 2], data[at + 3], data[at + 1] & 0x40
        if control & 0x20 and data[at + 4] > 0 and data[at + 5] & 0x10:
            data[at + 5] &= ~0x10
            data[at + 6 : at + 5 + data[at + 4]] = b"\xff" * (data[at + 4] - 1)
        payload = at + (5 + data[at + 4] if control & 0x20 else 4)
        if begins and stream == 0:
            table = payload + 1 + data[payload]
            program = (data[table + 10] & 0x1F) << 8 | data[table + 11]
        elif begins and stream == program and not announced:
            table = payload + 1 + data[payload]
            end = table + 3 + ((data[table + 1] & 0xF) << 8 | data[table + 2])
            data[table + 8 : table + 10] = b"\xff\xff"
            data[end - 4 : end] = check_sum(data[table : end - 4]).to_bytes(4, "big")
        elif begins and not times and data[payload : payload + 3] == b"\0\0\1" and data[payload + 3] >> 4 == 0xE:
            without_times(data, payload)
    return bytes(data)


def without_times(data, at):
    """Takes the optional fields out of the header of an elementary stream's packet; stuffing fills their place."""
    data[at + 7] = 0
    data[at + 9 : at + 9 + data[at + 8]] = b"\xff" * data[at + 8]


def timeless_program(file):
    """A program stream of MPEG-2 whose pictures have no times."""
    data = bytearray(file.read_bytes())
    if data[4] >> 6 != 1:
        return None
    at = 0
    while (at := data.find(b"\0\0\1", at)) >= 0 and at + 9 < len(data):
        if data[at + 3] >> 4 == 0xE:
            without_times(data, at)
        # Packets of streams have a length; packs and the end have none.
        at += 6 + int.from_bytes(data[at + 4 : at + 6], "big") if data[at + 3] >= 0xBB else 4
    return bytes(data)


def under_one_length(file):
    """An MP4 film of H.264 or HEVC whose packets have one length: that of the first unit, and start codes within it."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pos,size", "-of", "csv=p=0"]
    lines = subprocess.run([*probe, str(file)], capture_output=True, text=True).stdout.split()
    data = bytearray(file.read_bytes())
    changed = False
    for line in lines:
        size, place = map(int, line.split(",")[:2])
        at = place
        while at < place + size:
            length = int.from_bytes(data[at : at + 4], "big")
            if at > place:
                data[at : at + 4] = b"\0\0\0\1"
                changed = True
            at += 4 + length
        if at != place + size:
            return None
        data[place : place + 4] = (size - 4).to_bytes(4, "big")
    return bytes(data) if changed else None
