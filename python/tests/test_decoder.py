"""`VideoDecoder`: the very frames, by their place and by their time."""

from __future__ import annotations

import pickle
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import needs, run

import tubelet

FILMS = ["cars.mp4", "bottles.webm", "flower.mp4", "big_buck_bunny.mp4"]


def by_ffmpeg(ffmpeg: str, path: Path) -> np.ndarray:
    """All frames as FFmpeg decodes and converts them: uint8 `[N, H, W, 3]`."""
    line = [ffmpeg, "-v", "error", "-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo"]
    scale = ["-sws_flags", "accurate_rnd+full_chroma_int+neighbor", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run([*line, *scale], capture_output=True, check=True).stdout
    size = tubelet.VideoDecoder(path).metadata
    return np.frombuffer(raw, np.uint8).reshape(-1, size.height, size.width, 3)


@pytest.mark.parametrize("film", FILMS)
def test_every_frame_is_that_of_ffmpeg(samples: Path, ffmpeg: str, film: str) -> None:
    wanted = by_ffmpeg(ffmpeg, samples / film)
    video = tubelet.VideoDecoder(samples / film, dimension_order="NHWC", format="numpy")
    assert len(video) == len(wanted)
    ranks = random.Random(1).sample(range(len(video)), 16)
    found = video.get_frames_at(ranks).data
    assert found.shape == (16, *wanted.shape[1:]) and found.dtype == np.uint8
    every = video[:]
    assert np.array_equal(every[ranks], found)
    for rank, frame in zip(ranks, found):
        # The colours are converted by another program: a level or two, and no other frame is as near.
        distance = np.abs(wanted.astype(np.int16) - frame).mean(axis=(1, 2, 3))
        assert distance[rank] < 1.5 and distance.argmin() == rank, (rank, distance[rank], distance.argmin())


def test_frames_have_the_names_and_shapes_of_torchcodec(samples: Path) -> None:
    video = tubelet.VideoDecoder(samples / "cars.mp4", format="numpy")
    it = video.metadata
    assert (len(video), it.num_frames, it.width, it.height, it.codec) == (100, 100, 456, 256, "h264")
    assert (it.average_fps, it.duration_seconds, it.begin_stream_seconds) == (12.5, 8.0, 0.0)
    assert video[3].shape == (3, 256, 456) and video[-1].shape == (3, 256, 456)
    assert video[0:64:4].shape == (16, 3, 256, 456)
    assert video[5:5].shape == (0, 3, 256, 456)
    assert np.array_equal(video[9:5:-2], np.stack([video[9], video[7]]))
    batch = video.get_frames_at(indices=[8, 0, 8, -1])
    assert np.array_equal(batch.data[0], batch.data[2]) and np.array_equal(batch.data[1], video[0])
    assert batch.pts_seconds.tolist() == [0.64, 0.0, 0.64, 7.92]
    assert batch.duration_seconds.tolist() == [0.08] * 4
    assert len(batch) == 4 and [frame.pts_seconds for frame in batch] == batch.pts_seconds.tolist()
    data, pts, duration = video.get_frame_at(2)
    assert (data.shape, pts, duration) == ((3, 256, 456), 0.16, 0.08)
    assert len(video.get_frames_in_range(10, 20, 3)) == 4
    assert np.array_equal(np.stack(list(video)), video[:])
    last = tubelet.VideoDecoder(samples / "cars.mp4", dimension_order="NHWC", format="numpy")
    assert np.array_equal(last[7], video[7].transpose(1, 2, 0))


def test_all_frames_come_in_order_however_few_are_decoded_at_a_time(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tubelet import _decoder

    video = tubelet.VideoDecoder(samples / "bottles.webm", format="numpy")
    wanted = video[:]
    monkeypatch.setattr(_decoder, "_AT_ONCE", 1)
    assert np.array_equal(np.stack(list(video)), wanted)


def test_a_time_names_the_frame_that_is_shown_then(samples: Path) -> None:
    video = tubelet.VideoDecoder(samples / "cars.mp4", format="numpy")
    assert [video.get_frame_played_at(time).pts_seconds for time in (0, 0.0799, 0.08, 7.999)] == [0, 0, 0.08, 7.92]
    assert video.get_frames_played_at(seconds=[0.5, 0.1]).pts_seconds.tolist() == [0.48, 0.08]
    assert video.get_frames_played_in_range(0.08, 0.24).pts_seconds.tolist() == [0.08, 0.16]
    assert video.get_frames_played_in_range(0.1, 0.25).pts_seconds.tolist() == [0.08, 0.16, 0.24]
    assert len(video.get_frames_played_in_range(0, 8)) == 100
    assert video.get_frames_played_in_range(0, 1, fps=4).pts_seconds.tolist() == [0, 0.24, 0.48, 0.72]
    for wrong in (-0.01, 8.0):
        with pytest.raises(IndexError, match="no frame is shown at"):
            video.get_frame_played_at(wrong)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("/no/such.mp4",), tubelet.UsageError, "no such file"),
        ((b"/no/such.mp4",), tubelet.UsageError, "no such file"),
        ((7,), tubelet.UsageError, "must be the path of a file, not int"),
        (("x", "NWHC"), TypeError, "positional"),
    ],
)
def test_what_is_no_file_is_refused(arguments: tuple[object, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tubelet.VideoDecoder(*arguments)  # type: ignore[arg-type]


def test_wrong_arguments_are_named(samples: Path) -> None:
    film = samples / "cars.mp4"
    for name, value in [("dimension_order", "HWCN"), ("verify", "all"), ("format", "jax")]:
        with pytest.raises(tubelet.UsageError, match=name):
            tubelet.VideoDecoder(film, **{name: value})  # type: ignore[arg-type]
    video = tubelet.VideoDecoder(film)
    for wrong in (100, -101, 2**40):
        with pytest.raises(IndexError, match=f"there is no frame {wrong}: the video has 100, counted from 0"):
            video.get_frame_at(wrong)
    with pytest.raises(TypeError):
        video[1.5]  # type: ignore[call-overload]
    with pytest.raises(tubelet.UsageError, match="indices must be a sequence"):
        video.get_frames_at(3)  # type: ignore[arg-type]
    with pytest.raises(tubelet.UsageError, match="step = 0"):
        video.get_frames_in_range(0, 5, 0)


def test_what_is_no_video_has_a_verdict(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(tubelet.VideoError, match="not a video") as raised:
        tubelet.VideoDecoder(text)
    assert (raised.value.verdict, raised.value.path) == ("not-a-video", str(text))
    assert isinstance(raised.value, RuntimeError) and isinstance(raised.value, tubelet.TubeletError)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.verdict, again.path) == (str(raised.value), "not-a-video", str(text))


def test_damage_raises_and_gives_no_pixel(samples: Path, tmp_path: Path) -> None:
    film = bytearray((samples / "cars.mp4").read_bytes())
    for at in range(60_000, 60_060, 3):
        film[at] ^= 0x55
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(film)
    video = tubelet.VideoDecoder(broken)
    with pytest.raises(tubelet.VideoError):
        video[:]
    assert video.get_frame_at(0).data.shape == (3, 256, 456), "what comes before the damage is whole"
    with pytest.raises(tubelet.VideoError):
        tubelet.VideoDecoder(broken, verify="video").get_frame_at(0)


def test_more_frames_than_memory_are_refused(samples: Path) -> None:
    video = tubelet.VideoDecoder(samples / "cars.mp4")
    with pytest.raises(tubelet.UsageError, match="do not fit in memory"):
        video.get_frames_at([0] * 1_000_000)


def test_a_decoder_may_be_pickled_and_used_by_threads(samples: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    video = tubelet.VideoDecoder(samples / "flower.mp4", format="numpy")
    again = pickle.loads(pickle.dumps(video))
    assert np.array_equal(again[5], video[5])
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda rank: video[rank], range(0, 40, 5)))
    assert np.array_equal(np.stack(frames), video[0:40:5])


def test_frames_are_buffers_where_nothing_else_is_wanted(samples: Path) -> None:
    video = tubelet.VideoDecoder(samples / "cars.mp4", format="buffer")
    found = video[2:4]
    assert (found.shape, found.dtype, found.nbytes) == ([2, 3, 256, 456], "uint8", 2 * 3 * 256 * 456)
    view = memoryview(found)
    assert view.shape == (2, 3, 256, 456) and view.format == "B" and not view.readonly
    array = np.asarray(found)
    by_dlpack = np.from_dlpack(found)
    assert array.ctypes.data == by_dlpack.ctypes.data == found.data_ptr()
    array[0, 0, 0, 0] = 77
    assert found[0][0][0][0].tolist() == 77 and by_dlpack[0, 0, 0, 0] == 77
    assert np.array_equal(np.asarray(found[1]), array[1]) and np.array_equal(np.asarray(found[-1]), array[1])
    with pytest.raises(IndexError):
        found[2]
    with pytest.raises(BufferError, match="belongs to no stream"):
        found.__dlpack__(stream=1)
    del found, view
    assert array.sum() > 0, "the memory lives as long as somebody looks at it"


@needs("torch")
def test_torch_takes_frames_without_a_copy(samples: Path) -> None:
    import torch

    found = tubelet.VideoDecoder(samples / "cars.mp4", format="buffer")[0:2]
    tensor = torch.from_dlpack(found)
    assert tensor.data_ptr() == found.data_ptr() and tensor.shape == (2, 3, 256, 456)
    tensor[0] = 0
    assert memoryview(found)[0, 0, 0, 0] == 0
    frames = tubelet.VideoDecoder(samples / "cars.mp4").get_frames_at(torch.tensor([1, 2]))
    assert isinstance(frames.data, torch.Tensor) and frames.pts_seconds.dtype == torch.float64


def test_slices_that_follow_each_other_are_those_of_a_whole_decode(samples: Path) -> None:
    for film in FILMS:
        whole = tubelet.VideoDecoder(samples / film, format="numpy")[:]
        video = tubelet.VideoDecoder(samples / film, format="numpy")
        drawn = random.Random(3)
        for length in (1, 7, 32):
            for start in range(0, min(len(video), 20 * length), length):
                assert np.array_equal(video[start : start + length], whole[start : start + length]), (film, start, length)
        for _ in range(30):
            start, length, step = drawn.randrange(len(video)), drawn.randrange(1, 9), drawn.choice([1, 1, 2, 5])
            assert np.array_equal(video[start : start + length * step : step], whole[start : start + length * step : step])


def test_slices_that_follow_each_other_work_from_threads(samples: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    video = tubelet.VideoDecoder(samples / "bottles.webm", format="numpy")
    whole = video[:]
    with ThreadPoolExecutor(4) as pool:
        slices = list(pool.map(lambda start: video[start : start + 8], range(0, len(video), 8)))
    assert np.array_equal(np.concatenate(slices), whole)


def test_ctrl_c_ends_a_call_and_the_decoder_goes_on(samples: Path) -> None:
    code = """
        import os, signal, sys, threading, time, tubelet
        video = tubelet.VideoDecoder(sys.argv[1], format="buffer")
        wanted = video[3].tolist()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try:
            for _ in range(10_000):
                # Each decodes the whole film for one frame.
                video.get_frames_at([len(video) - 1])
                video.get_frames_at([0])
            print("no signal")
        except KeyboardInterrupt:
            print(time.monotonic() - begun < 2)
        asked, raised = 0, 0
        def handler(number, frame):
            global raised
            raised = time.monotonic()
            raise ZeroDivisionError
        signal.signal(signal.SIGUSR1, handler)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        try:
            while True:
                video[:]
        except ZeroDivisionError:
            print(time.monotonic() - raised < 1)
        assert video[3].tolist() == wanted
    """
    done = run(code, str(samples / "big_buck_bunny.mp4"))
    assert done.stdout.split() == ["True", "True"], done


def test_a_decoder_works_in_a_forked_process(samples: Path) -> None:
    code = """
        import multiprocessing, sys, tubelet
        before = tubelet.VideoDecoder(sys.argv[1], format="buffer")
        wanted = before[3].tolist()
        def child(queue):
            after = tubelet.VideoDecoder(sys.argv[1], format="buffer")
            queue.put(before[3].tolist() == wanted and after[3].tolist() == wanted)
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        assert queue.get(timeout=60)
        process.join(10)
        assert process.exitcode == 0, process.exitcode
    """
    done = run(code, str(samples / "cars.mp4"))
    assert done.returncode == 0, done.stderr


def test_a_forked_process_does_not_wait_for_a_thread_that_is_not_there(samples: Path) -> None:
    code = """
        import os, sys, threading, time, tubelet
        video = tubelet.VideoDecoder(sys.argv[1], format="buffer")
        threading.Thread(target=lambda: [video[:] for _ in range(4)], daemon=True).start()
        time.sleep(0.05)
        child = os.fork()
        if child == 0:
            try:
                video[3]
            except tubelet.UsageError as error:
                assert "forked" in str(error)
            os._exit(0)
        for _ in range(200):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                print("ended", status)
                break
            time.sleep(0.1)
        sys.stdout.flush()
        os._exit(0 if done else 1)
    """
    done = run(code, str(samples / "big_buck_bunny.mp4"))
    assert done.stdout == "ended 0\n", done


def test_every_film_is_upright_and_its_frames_are_counted(mixed: Path) -> None:
    opened = 0
    for film in sorted(mixed.iterdir()):
        try:
            video = tubelet.VideoDecoder(film, format="numpy")
            frames = video[:: max(len(video) // 3, 1)]
        except tubelet.VideoError:
            continue
        opened += 1
        # The pictures of one are cropped by their stream, of which the container says nothing.
        if film.name != "crop_left_top.mp4":
            assert frames.shape[1:] == (3, video.metadata.height, video.metadata.width), film
        assert np.array_equal(video[len(video) - 1], video[-1])
    assert opened > 40
