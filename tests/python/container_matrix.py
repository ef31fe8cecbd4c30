#!/usr/bin/env python3
"""Films in every codec, container and cut that FFmpeg writes, each compared with FFmpeg's full decode.

    python tests/python/container_matrix.py --tubelet target/debug/tubelet --film samples/cars.mp4 [WORD…]

Encodes a few seconds of a film in each way of ENCODERS, then rewraps and cuts every one of them by stream copy
in each way of WRAPS; only those whose name holds all WORDs. Prints a line for each file that is not equal, and a
table: encoder and container against files that are equal, refused (FFmpeg complains too), REFUSED (FFmpeg decodes
it without a word) and WRONG. No WRONG may be there. Needs ffmpeg; takes about a quarter of an hour.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

import container_edits
import exact_against_ffmpeg as exact
import stream_edits

X264 = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "150k"]
X265 = ["-c:v", "libx265", "-preset", "veryfast", "-b:v", "100k"]
MP4, AVI, PS, WEBM = ["mp4", "mov", "mkv", "ts"], ["avi"], ["mpg"], ["webm", "mkv"]


def x265(parameters, *more):
    return [*X265, *more, "-x265-params", f"log-level=none:{parameters}"]


# name: arguments of the encoder, containers
ENCODERS = {
    "h264": ([*X264, "-g", "30"], MP4 + AVI),
    "h264_main_cavlc": ([*X264, "-g", "25", "-profile:v", "baseline"], MP4 + AVI),
    "h264_pyramid": ([*X264, "-g", "40", "-bf", "7", "-b_strategy", "0", "-x264-params", "b-pyramid=normal:scenecut=0"], MP4),
    "h264_open": ([*X264, "-g", "24", "-bf", "3", "-b_strategy", "0", "-x264-params", "open-gop=1:scenecut=0"], MP4),
    "h264_refresh": ([*X264, "-x264-params", "intra-refresh=1:keyint=25"], MP4),
    "h264_intra": ([*X264, "-g", "1"], MP4),
    "h264_interlaced": ([*X264, "-g", "24", "-flags", "+ildct+ilme"], MP4),
    "h264_long": ([*X264, "-g", "250"], MP4),
    "h264_444_10": ([*X264, "-pix_fmt", "yuv444p10le"], MP4[:3]),
    "h264_422": ([*X264, "-pix_fmt", "yuv422p"], MP4[:3]),
    "h264_full": ([*X264, "-pix_fmt", "yuvj420p"], MP4),
    "h264_rgb": (["-c:v", "libx264rgb", "-preset", "veryfast", "-qp", "20"], MP4[:3]),
    "h264_slices": ([*X264, "-g", "30", "-slices", "3"], MP4),
    "h264_turned": ([*X264, "-g", "30", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90:flip=horizontal"], MP4),
    "hevc_open": (x265("keyint=24:min-keyint=24:scenecut=0:open-gop=1:bframes=4"), MP4),
    "hevc_closed": (x265("keyint=24:min-keyint=24:scenecut=0:open-gop=0"), MP4),
    "hevc_low_delay": (x265("keyint=30:bframes=0"), MP4),
    "hevc_layers": (x265("keyint=24:open-gop=0:temporal-layers=1"), MP4),
    "hevc_10_hvc1": (x265("keyint=30", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1"), MP4[:3]),
    "mpeg4": (["-c:v", "mpeg4", "-g", "24", "-b:v", "200k"], MP4 + AVI),
    "mpeg4_b": (["-c:v", "mpeg4", "-g", "24", "-bf", "2", "-b:v", "200k"], MP4 + AVI),
    "mpeg4_sar": (["-c:v", "mpeg4", "-bf", "1", "-b:v", "200k", "-vf", "setsar=12/11"], MP4 + AVI + PS),
    "xvid_b": (["-c:v", "libxvid", "-bf", "2", "-g", "24", "-b:v", "200k"], MP4 + AVI),
    "mpeg2": (["-c:v", "mpeg2video", "-g", "12", "-b:v", "400k"], ["mkv", "ts", "mp4"] + PS),
    "mpeg2_b": (["-c:v", "mpeg2video", "-g", "15", "-bf", "2", "-b:v", "400k"], ["mkv", "ts", "mp4"] + PS),
    "mpeg2_b_closed": (["-c:v", "mpeg2video", "-g", "15", "-bf", "2", "-flags", "+cgop", "-sc_threshold", "1000000000", "-b:v", "400k"], ["mkv", "ts"] + PS),
    "mpeg1_b": (["-c:v", "mpeg1video", "-g", "12", "-bf", "2", "-b:v", "400k"], ["mkv", "ts"] + PS),
    "mjpeg": (["-c:v", "mjpeg", "-q:v", "6"], ["mp4", "mov", "mkv", "avi"]),
    "mjpeg_444": (["-c:v", "mjpeg", "-q:v", "6", "-pix_fmt", "yuvj444p"], ["mov", "mkv", "avi"]),
    "mjpeg_422": (["-c:v", "mjpeg", "-q:v", "6", "-pix_fmt", "yuvj422p"], ["mov", "mkv", "avi"]),
    "vp8": (["-c:v", "libvpx", "-deadline", "realtime", "-g", "30", "-b:v", "200k", "-auto-alt-ref", "1", "-lag-in-frames", "8"], WEBM),
    "vp9": (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "200k"], WEBM + ["mp4"]),
    "vp9_444": (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "200k", "-pix_fmt", "yuv444p"], WEBM),
    "av1": (["-c:v", "libsvtav1", "-preset", "12", "-g", "30", "-crf", "45"], WEBM + ["mp4"]),
    # Odd and cropped sizes, deeper samples, headers in many places, hidden frames, layers of time, uneven times.
    "h264_odd_444": ([*X264, "-pix_fmt", "yuv444p", "-vf", "scale=177:145"], MP4[:3]),
    "h264_window": ([*X264, "-vf", "scale=178:146"], MP4),
    "h264_window_inside": ([*X264, "-bsf:v", "h264_metadata=crop_left=6:crop_right=10:crop_top=4:crop_bottom=8"], MP4[:3]),
    "h264_headers_each": ([*X264, "-g", "30", "-x264-params", "aud=1:repeat-headers=1:slice-max-size=400"], MP4),
    "h264_pic_struct": ([*X264, "-g", "30", "-x264-params", "fake-interlaced=1:pic-struct=1:nal-hrd=vbr:vbv-maxrate=300:vbv-bufsize=300"], MP4),
    "h264_pyramid_strict": ([*X264, "-x264-params", "b-pyramid=strict:bframes=5:b-adapt=0:keyint=infinite:ref=5:scenecut=0"], MP4 + AVI),
    "h264_uneven": ([*X264, "-g", "40", "-vf", "scale=176:144,setpts='PTS+(mod(N,3)*0.3+mod(N,7)*0.05)/(FRAME_RATE*TB)'", "-fps_mode", "passthrough", "-enc_time_base", "1/1000"], MP4),
    "h264_sparse": ([*X264, "-g", "40", "-vf", "scale=176:144,select='gt(mod(N,5),1)'", "-fps_mode", "passthrough"], MP4),
    "h264_grey_10": ([*X264, "-pix_fmt", "gray10le"], MP4[:3]),
    "hevc_window": (x265("keyint=30", "-vf", "scale=178:146"), MP4),
    "hevc_window_inside": (x265("keyint=30", "-bsf:v", "hevc_metadata=crop_left=6:crop_right=10:crop_top=4:crop_bottom=8"), MP4[:3]),
    "hevc_12": (x265("keyint=30", "-pix_fmt", "yuv420p12le"), MP4[:3]),
    "hevc_grey": (x265("keyint=30", "-pix_fmt", "gray"), MP4[:3]),
    "hevc_headers_each": (x265("keyint=24:repeat-headers=1:aud=1:slices=2:hrd=1:vbv-maxrate=300:vbv-bufsize=300"), MP4),
    "hevc_refresh": (x265("keyint=40:intra-refresh=1"), MP4),
    "hevc_field": (x265("keyint=24:interlace=tff"), MP4),
    "mpeg2_interlaced": (["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-flags", "+ildct+ilme", "-top", "1", "-b:v", "400k"], ["mkv", "ts"] + PS),
    "mpeg2_422": (["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-pix_fmt", "yuv422p", "-b:v", "800k"], ["mkv", "ts"] + PS),
    "mpeg4_qpel": (["-c:v", "mpeg4", "-g", "24", "-bf", "2", "-flags", "+qpel+mv4", "-b:v", "200k"], MP4[:3] + AVI),
    "vp8_hidden": (["-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-g", "40", "-b:v", "200k", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-vf", "scale=177:145"], WEBM),
    "vp8_layers": (["-c:v", "libvpx", "-deadline", "realtime", "-g", "40", "-b:v", "200k", "-error-resilient", "1", "-ts-parameters", "ts_number_layers=2:ts_target_bitrate=100,200:ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2"], WEBM),
    "vp9_hidden": (["-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "5", "-g", "40", "-b:v", "200k", "-auto-alt-ref", "1", "-lag-in-frames", "16"], WEBM + ["mp4"]),
    "vp9_10_odd": (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "200k", "-pix_fmt", "yuv420p10le", "-vf", "scale=177:145"], WEBM),
    "av1_hidden": (["-c:v", "libaom-av1", "-cpu-used", "8", "-g", "40", "-b:v", "150k", "-lag-in-frames", "19", "-tag:v", "av01", "-colorspace", "bt709"], WEBM + ["mp4"]),
    "av1_10_odd": (["-c:v", "libaom-av1", "-cpu-used", "8", "-g", "30", "-b:v", "150k", "-pix_fmt", "yuv420p10le", "-vf", "scale=177:145"], WEBM + ["mp4"]),
    "av1_live": (["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "40", "-b:v", "150k", "-error-resilience", "1"], WEBM + ["mp4"]),
}

# name: containers it is for, options before the input, options of the output
WRAPS = {
    "plain": (None, [], []),
    "cut": (None, ["-ss", "1.37"], []),
    "cut_two_ends": (None, ["-ss", "0.61", "-t", "1.53"], []),
    "cut_by_output": (None, [], ["-ss", "0.93"]),
    "end_cut": (None, ["-t", "2.11"], []),
    "cut_as_it_is": (None, ["-ss", "1.37"], ["-copyts", "-avoid_negative_ts", "disabled"]),
    "cut_to_zero": (None, ["-ss", "1.37"], ["-avoid_negative_ts", "make_zero"]),
    "no_start_at_key": (None, ["-ss", "1.37"], ["-copyinkf"]),
    "late": (None, ["-itsoffset", "0.7"], []),
    "front": (["mp4", "mov"], [], ["-movflags", "+faststart"]),
    "cut_front": (["mp4", "mov"], ["-ss", "0.9"], ["-movflags", "+faststart"]),
    "negative": (["mp4", "mov"], [], ["-movflags", "+negative_cts_offsets"]),
    "cut_negative": (["mp4", "mov"], ["-ss", "1.37"], ["-movflags", "+negative_cts_offsets"]),
    "no_list": (["mp4", "mov"], ["-ss", "1.37"], ["-use_editlist", "0"]),
    "fragments": (["mp4", "mov"], [], ["-movflags", "+frag_keyframe+empty_moov"]),
    "cut_fragments": (["mp4", "mov"], ["-ss", "1.37"], ["-movflags", "+frag_keyframe+empty_moov"]),
    "cut_fragments_late": (["mp4", "mov"], ["-ss", "1.37"], ["-movflags", "+frag_keyframe+delay_moov"]),
    "fragments_by_frame": (["mp4"], [], ["-movflags", "+frag_every_frame+empty_moov+default_base_moof"]),
    "dash": (["mp4"], [], ["-movflags", "+dash+global_sidx+frag_keyframe"]),
    # Fragments behind a movie box that holds the first samples itself, and other ways of writing them.
    "then_fragments": (["mp4", "mov"], [], ["-movflags", "+frag_keyframe"]),
    "then_fragments_by_frame": (["mp4", "mov"], [], ["-movflags", "+frag_every_frame"]),
    "cut_then_fragments": (["mp4", "mov"], ["-ss", "1.37"], ["-movflags", "+frag_keyframe"]),
    "late_then_fragments": (["mp4", "mov"], ["-itsoffset", "0.7"], ["-movflags", "+frag_keyframe"]),
    "fragments_by_time": (["mp4", "mov"], [], ["-movflags", "+empty_moov", "-frag_duration", "300000"]),
    "then_fragments_by_time": (["mp4", "mov"], [], ["-frag_duration", "300000"]),
    "fragments_without_offsets": (["mp4"], [], ["-movflags", "+frag_keyframe+empty_moov+omit_tfhd_offset"]),
    "fragments_negative": (["mp4"], [], ["-movflags", "+frag_keyframe+delay_moov+negative_cts_offsets"]),
    "fragments_separate": (["mp4", "mov"], [], ["-movflags", "+frag_keyframe+separate_moof"]),
    "cut_fragments_by_frame": (["mp4"], ["-ss", "0.9"], ["-movflags", "+frag_every_frame+delay_moov"]),
    "cmaf": (["mp4"], [], ["-movflags", "+cmaf+frag_keyframe+delay_moov"]),
    "skip_trailer": (["mp4"], [], ["-movflags", "+frag_keyframe+empty_moov+skip_trailer"]),
    "timescale": (["mp4", "mov"], ["-ss", "0.77"], ["-video_track_timescale", "90000"]),
    "odd_timescale": (["mp4"], ["-ss", "0.77"], ["-video_track_timescale", "1001"]),
    "cues_front": (["mkv", "webm"], ["-ss", "0.77"], ["-cues_to_front", "1"]),
    "live": (["mkv", "webm"], [], ["-live", "1"]),
    "clusters_small": (["mkv", "webm"], [], ["-cluster_size_limit", "2000"]),
    "clusters_short": (["mkv", "webm"], ["-ss", "0.77"], ["-cluster_time_limit", "100"]),
    "cues_reserved": (["mkv", "webm"], [], ["-reserve_index_space", "5000"]),
    "cluster_a_frame": (["mkv", "webm"], [], ["-cluster_time_limit", "1"]),
    "cut_small_clusters": (["mkv", "webm"], ["-ss", "1.37"], ["-cluster_size_limit", "2000", "-reserve_index_space", "5000"]),
    "without_sums": (["mkv"], [], ["-write_crc32", "0"]),
    "times_of_decoding": (["mp4", "mov", "mkv"], [], ["-bsf:v", "setts=pts=DTS"]),
    "m2ts": (["ts"], [], ["-mpegts_m2ts_mode", "1"]),
    "late_pat": (["ts"], ["-ss", "1.37"], ["-mpegts_copyts", "1", "-copyts"]),
}


def ffmpeg(*arguments):
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode == 0


def edited(file, edits):
    """The bytes of an MP4 file whose video's edit list is replaced: (seconds, first tick or -1) each."""
    data = bytearray(file.read_bytes())
    place = data.find(b"edts")
    if place < 0 or data.count(b"edts") != 1:
        return None
    scale = int.from_bytes(data[data.find(b"mvhd") + 16 :][:4], "big")
    list_of = b"".join(round(length * scale).to_bytes(4, "big") + start.to_bytes(4, "big", signed=True) + b"\0\1\0\0" for length, start in edits)
    body = b"elst" + bytes(4) + len(edits).to_bytes(4, "big") + list_of
    body = (len(body) + 4).to_bytes(4, "big") + body
    size = int.from_bytes(data[place - 4 : place], "big")
    box = (len(body) + 8).to_bytes(4, "big") + b"edts" + body
    grown = len(box) - size
    data[place - 4 : place - 4 + size] = box
    for outer in (b"trak", b"moov"):
        at = data.rfind(outer, 0, place) - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + grown).to_bytes(4, "big")
    # The film's data must lie before its description, or all places in it would move.
    return bytes(data) if data.find(b"mdat") < data.find(b"moov") else None


def timeless(file):
    """The bytes of an MP4 file all of whose samples are decoded at once, by its table of durations."""
    data = bytearray(file.read_bytes())
    place = data.find(b"stts")
    if place < 0 or data.count(b"stts") != 1:
        return None
    for entry in range(int.from_bytes(data[place + 8 :][:4], "big")):
        data[place + 16 + 8 * entry : place + 20 + 8 * entry] = bytes(4)
    return bytes(data)


EDITS = {
    "twice": [(1.2, 0), (1.2, 0)],
    "two_parts": [(0.8, 1024), (1.0, 25600)],
    "backwards": [(0.8, 25600), (1.0, 1024)],
    "three_parts": [(0.4, 0), (0.5, 12800), (0.5, 30000)],
    "pause_between": [(0.8, 1024), (0.5, -1), (1.0, 25600)],
    "late_two_parts": [(0.5, -1), (0.8, 1024), (1.0, 25600)],
    "short": [(0.3, 12000)],
    "past_the_end": [(9.0, 20000)],
    "nothing": [(1.0, 999999)],
    "no_length": [(0.0, 1024)],
    "late_part": [(0.5, -1), (2.0, 1024)],
    "negative_start": [(1.0, -500)],
    "many_parts": [(0.12, tick) for tick in (0, 9000, 3000, 30000, 21000, 512)],
}


# name: containers it is for, the wrap it starts from, what is changed of that file
BYTES = {
    "one_length": (["mp4"], "plain", stream_edits.under_one_length),
    "no_clock": (["ts"], "plain", stream_edits.clockless),
    "no_clock_announced": (["ts"], "plain", lambda file: stream_edits.clockless(file, announced=False)),
    "no_clock_no_times": (["ts"], "plain", lambda file: stream_edits.clockless(file, times=False)),
    "no_times": (["mpg"], "plain", stream_edits.timeless_program),
    **{name: (only, start, lambda file, change=change: change(file.read_bytes())) for name, (only, start, change) in container_edits.CHANGES.items()},
}


def made(folder, film, words):
    """Every file: encoder, container, name of the wrap, path."""
    wanted = lambda *names: all(word in " ".join(names) for word in words)
    for encoder, (arguments, containers) in ENCODERS.items():
        names = [(container, wrap) for container in containers for wrap in [*WRAPS, *EDITS, *BYTES, "timeless", "joined"]]
        if not any(wanted(encoder, *name) for name in names):
            continue
        first = containers[0] if encoder != "h264_interlaced" else "mp4"
        base = folder / f"{encoder}.{'mkv' if first == 'webm' else first}"
        scale = ["-vf", "scale=176:144"] if "-vf" not in arguments else []
        if not ffmpeg("-i", film, "-t", "4", "-an", *scale, "-r", "25", *arguments, base):
            print(f"ffmpeg cannot encode {encoder}")
            continue
        for container in containers:
            for wrap, (only, before, options) in WRAPS.items():
                if (only and container not in only) or not wanted(encoder, container, wrap):
                    continue
                out = folder / f"{encoder}_{wrap}.{container}"
                # Streams without a place for headers have them in their packets.
                if container in ("ts", "mpg") and encoder.startswith(("mpeg4", "xvid")):
                    options = [*options, "-bsf:v", "dump_extra=freq=keyframe"]
                if ffmpeg(*before, "-i", base, "-c", "copy", "-an", *options, out) and out.stat().st_size:
                    yield encoder, container, wrap, out
            if container in ("mp4", "mov"):
                plain = folder / f"{encoder}_plain.{container}"
                ffmpeg("-i", base, "-c", "copy", "-an", "-video_track_timescale", "12800", plain)
                changed = {name: lambda edits=edits: edited(plain, edits) for name, edits in EDITS.items()}
                changed["timeless"] = lambda: timeless(plain)
                for name, change in changed.items():
                    data = wanted(encoder, container, name) and plain.exists() and change()
                    if data:
                        out = folder / f"{encoder}_{name}.{container}"
                        out.write_bytes(data)
                        yield encoder, container, name, out
            for name, (only, start, change) in BYTES.items():
                if container not in only or not wanted(encoder, container, name):
                    continue
                before, options = WRAPS[start][1:]
                headers = ["-bsf:v", "dump_extra=freq=keyframe"] if container in ("ts", "mpg") and encoder.startswith(("mpeg4", "xvid")) else []
                headers += ["-f", "vob"] if container == "mpg" else []
                plain = folder / f"{encoder}_before_{name}.{container}"
                data = ffmpeg(*before, "-i", base, "-c", "copy", "-an", *options, *headers, plain) and change(plain)
                plain.unlink(missing_ok=True)
                if data:
                    out = folder / f"{encoder}_{name}.{container}"
                    out.write_bytes(data)
                    yield encoder, container, name, out
            if wanted(encoder, container, "joined"):
                list_of = folder / "list.txt"
                list_of.write_text(f"file '{base}'\ninpoint 1.1\nfile '{base}'\noutpoint 1.7\n")
                out = folder / f"{encoder}_joined.{container}"
                if ffmpeg("-f", "concat", "-safe", "0", "-i", list_of, "-c", "copy", out):
                    yield encoder, container, "joined", out


def main():
    parser = exact.arguments("Compare films in every container and cut with FFmpeg")
    parser.add_argument("--film", default="samples/cars.mp4", help="what is encoded")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder that the files are left in")
    parser.add_argument("--draws", type=int, default=12, help="frames that are drawn out of plans")
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    truth_of = exact.load_truth(given.truth)
    table = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        folder = given.keep or pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for encoder, container, wrap, file in made(folder, given.film, given.words):
            outcome, words = exact.compare(given.tubelet, truth_of, file, given.draws)
            table[encoder, container][outcome] += 1
            if outcome != "equal":
                print(f"{outcome:8}{encoder:16}{container:5}{wrap:20}{words}", flush=True)
            if not given.keep:
                file.unlink()
    columns = ["equal", "refused", "REFUSED", "WRONG"]
    print(f"{'encoder':18}{'container':10}" + "".join(f"{column:>9}" for column in columns))
    for (encoder, container), counts in table.items():
        print(f"{encoder:18}{container:10}" + "".join(f"{counts[column]:9}" for column in columns))
    sums = sum(table.values(), collections.Counter())
    print(f"{'all':28}" + "".join(f"{sums[column]:9}" for column in columns))
    sys.exit(1 if sums["WRONG"] else 0)


if __name__ == "__main__":
    main()
