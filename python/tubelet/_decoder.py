"""Frames of one video, with the names that torchcodec has."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import index
from typing import Any, Literal, overload

from . import _paths, _sandbox, _values
from ._errors import UsageError
from ._tubelet import FrameDecoder

_NS = 1_000_000_000


@dataclass(frozen=True)
class VideoMetadata:
    """What is known of a video without decoding it."""

    #: The file.
    path: str
    #: Frames that are shown.
    num_frames: int
    #: Columns of a frame, upright.
    width: int
    #: Rows of a frame, upright.
    height: int
    #: Frames over duration.
    average_fps: float | None
    #: From the first frame to the end of the last.
    duration_seconds: float
    #: When the first frame is shown.
    begin_stream_seconds: float
    #: When the last frame ends.
    end_stream_seconds: float
    #: ``h264``, ``hevc``, ``vp8``, ``vp9``, ``av1``, ``mpeg4``, ``mpeg2``, ``mpeg1``, ``mjpeg``.
    codec: str
    #: ``mp4``, ``matroska``, ``avi``, ``mpeg-ps``, ``mpeg-ts``.
    container: str
    #: Width of a pixel over its height, as it is stored.
    pixel_aspect_ratio: Fraction
    #: Degrees by which stored pictures are turned clockwise; frames are given upright.
    rotation: int
    #: Whether the distances of frames differ.
    variable_rate: bool
    #: Ranks of the frames that the container marks as key frames.
    key_frames: tuple[int, ...]
    #: Bytes of the file.
    bytes: int

    @property
    def bit_rate(self) -> float | None:
        """Bits of the file for each second."""
        return 8 * self.bytes / self.duration_seconds if self.duration_seconds > 0 else None


@dataclass(frozen=True)
class Frame:
    """A frame and its times."""

    #: uint8 ``[3, H, W]``, or ``[H, W, 3]`` with ``dimension_order="NHWC"``.
    data: Any
    #: When it is shown.
    pts_seconds: float
    #: How long it is shown.
    duration_seconds: float

    def __iter__(self) -> Iterator[Any]:
        return iter((self.data, self.pts_seconds, self.duration_seconds))

    def __repr__(self) -> str:
        return _described(self, f"pts_seconds={self.pts_seconds}, duration_seconds={self.duration_seconds}")


@dataclass(frozen=True)
class FrameBatch:
    """Frames and their times, in the order that was asked for."""

    #: uint8 ``[N, 3, H, W]``, or ``[N, H, W, 3]`` with ``dimension_order="NHWC"``.
    data: Any
    #: When each is shown: float64 ``[N]``.
    pts_seconds: Any
    #: How long each is shown: float64 ``[N]``.
    duration_seconds: Any

    def __len__(self) -> int:
        return int(self.data.shape[0])

    def __getitem__(self, key: int) -> Frame:
        return Frame(self.data[key], float(self.pts_seconds[key]), float(self.duration_seconds[key]))

    def __iter__(self) -> Iterator[Frame]:
        return (self[at] for at in range(len(self)))

    def __repr__(self) -> str:
        return _described(self, f"pts_seconds=[{len(self)}], duration_seconds=[{len(self)}]")


class VideoDecoder:
    """Frames of one video, decoded as little as that takes, each one the frame that a full decode gives.

    A frame is named by its place in presentation order (0 is the first that is shown), or by a time. Frames are upright
    and RGB, by the colours that the stream states. What the decoder complains of raises :class:`VideoError`: no pixel
    is given that is in doubt.

    >>> video = tubelet.VideoDecoder("a.mp4")
    >>> video[0:64:4]                                # uint8 [16, 3, H, W]
    >>> video.get_frames_at(indices=[0, 8]).data     # also .pts_seconds, .duration_seconds
    >>> video.get_frames_played_at(seconds=[0.5]).data

    :param source: the file.
    :param dimension_order: ``"NCHW"``, or ``"NHWC"``.
    :param verify: what must decode without complaint before a frame is given: ``"clip"`` only what the frames need,
        ``"video"`` all of it, once (films of a few minutes).
    :param format: ``"torch"``, ``"numpy"``, ``"buffer"``, or None for the first of these that is there (PyTorch only
        where it is imported already).

    :param sandbox: opens and decodes in a process of its own, so that no film can crash this one (Linux). The process takes
        some 0.1 s to start, and calls that follow each other begin anew at key frames.

    A call that wants what comes behind the frames of the last one goes on decoding where that stopped. Ctrl-C ends a call.
    It may be pickled; whoever unpickles it opens the file again. Calls from several threads follow one another.
    """

    metadata: VideoMetadata

    def __init__(
        self,
        source: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        dimension_order: Literal["NCHW", "NHWC"] = "NCHW",
        verify: Literal["clip", "video"] = "clip",
        format: Literal["torch", "numpy", "buffer"] | None = None,
        sandbox: bool = False,
    ) -> None:
        if not isinstance(source, (str, bytes, os.PathLike)):
            raise UsageError(f"source must be the path of a file, not {type(source).__name__}")
        if dimension_order not in ("NCHW", "NHWC"):
            raise UsageError(f"dimension_order = {dimension_order!r} is neither 'NCHW' nor 'NHWC'")
        if verify not in ("clip", "video"):
            raise UsageError(f"verify = {verify!r} is neither 'clip' nor 'video'")
        _values.chosen(format)
        path = _paths.text(source)
        self._arguments = (path, dimension_order, verify, format, sandbox)
        self._decoder = FrameDecoder(path, verify == "video", bool(_sandbox.checked(sandbox)))
        self._channels_last, self._format = dimension_order == "NHWC", format
        self._times = self._decoder.times()
        facts = self._decoder.facts()
        begin = self._times[0] if self._times else 0
        self._end = begin + facts["duration_ns"]
        self.metadata = VideoMetadata(
            path=path,
            num_frames=facts["num_frames"],
            width=facts["width"],
            height=facts["height"],
            average_fps=facts["average_fps"] or None,
            duration_seconds=facts["duration_ns"] / _NS,
            begin_stream_seconds=begin / _NS,
            end_stream_seconds=self._end / _NS,
            codec=facts["codec"],
            container=facts["container"],
            pixel_aspect_ratio=Fraction(*facts["pixel_aspect"]),
            rotation=facts["rotation"],
            variable_rate=facts["variable_rate"],
            key_frames=tuple(facts["key_frames"]),
            bytes=facts["bytes"],
        )

    def __len__(self) -> int:
        return self.metadata.num_frames

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Any: ...
    def __getitem__(self, key: int | slice) -> Any:
        """A frame uint8 ``[3, H, W]``, or those of a slice uint8 ``[N, 3, H, W]``."""
        if isinstance(key, slice):
            return self._pixels(list(range(*key.indices(len(self)))))
        return self.get_frame_at(key).data

    def __iter__(self) -> Iterator[Any]:
        """All frames, uint8 ``[3, H, W]`` each; so many are decoded at a time as are little memory, from key frame to key
        frame where that can be, so that none is decoded twice."""
        it = self.metadata
        most = max(_AT_ONCE // max(3 * it.width * it.height, 1), 8)
        first = 0
        while first < len(self):
            key = bisect_right(it.key_frames, first + most) - 1
            last = it.key_frames[key] if key >= 0 and it.key_frames[key] > first else first + most
            yield from self[first:last]
            first = last

    def get_frame_at(self, index: int) -> Frame:
        """The frame at this place in presentation order; a negative one counts from the end."""
        return self.get_frames_at([index])[0]

    def get_frames_at(self, indices: Sequence[int]) -> FrameBatch:
        """The frames at these places, in this order; one that is asked for twice is decoded once."""
        return self._frames([self._rank(place) for place in _listed(indices, "indices")])

    def get_frames_in_range(self, start: int, stop: int, step: int = 1) -> FrameBatch:
        """Every ``step``-th frame from place ``start`` to before ``stop``."""
        if step < 1:
            raise UsageError(f"step = {step} must be at least 1")
        return self._frames(list(range(*slice(start, stop, step).indices(len(self)))))

    def get_frame_played_at(self, seconds: float) -> Frame:
        """The frame that is shown at this time."""
        return self.get_frames_played_at([seconds])[0]

    def get_frames_played_at(self, seconds: Sequence[float]) -> FrameBatch:
        """The frames that are shown at these times, in this order."""
        return self._frames([self._rank_at(float(time)) for time in _listed(seconds, "seconds")])

    def get_frames_played_in_range(
        self, start_seconds: float, stop_seconds: float, fps: float | None = None
    ) -> FrameBatch:
        """The frames that are shown from one time to before another; with ``fps``, the ones shown at that rate."""
        begin, end = self.metadata.begin_stream_seconds, self.metadata.end_stream_seconds
        if not begin <= start_seconds <= stop_seconds <= end:
            raise IndexError(
                f"{start_seconds} to {stop_seconds} s is no part of the film, which is from {begin} to {end} s"
            )
        if fps is not None:
            if not fps > 0:
                raise UsageError(f"fps = {fps} must be above 0")
            count = round((stop_seconds - start_seconds) * fps)
            return self.get_frames_played_at([start_seconds + number / fps for number in range(count)])
        if start_seconds == stop_seconds:
            return self._frames([])
        last = self._rank_at(stop_seconds) if stop_seconds < end else len(self)
        # A frame that begins with the end of the range is no part of it.
        if last < len(self) and self._times[last] < round(stop_seconds * _NS):
            last += 1
        return self._frames(list(range(self._rank_at(start_seconds), last)))

    def _rank(self, place: int) -> int:
        frames, rank = len(self), index(place)
        if not -frames <= rank < frames:
            raise IndexError(f"there is no frame {rank}: the video has {frames}, counted from 0")
        return rank % frames

    def _rank_at(self, seconds: float) -> int:
        begin, end = self.metadata.begin_stream_seconds, self.metadata.end_stream_seconds
        if not begin <= seconds < end:
            raise IndexError(f"no frame is shown at {seconds} s: the film is from {begin} to {end} s")
        return max(bisect_right(self._times, round(seconds * _NS)) - 1, 0)

    def _frames(self, ranks: list[int]) -> FrameBatch:
        format = _values.chosen(self._format)
        starts = [self._times[rank] for rank in ranks]
        ends = [self._times[rank + 1] if rank + 1 < len(self._times) else self._end for rank in ranks]
        durations = [(end - start) / _NS for start, end in zip(starts, ends)]
        pts = [start / _NS for start in starts]
        return FrameBatch(self._pixels(ranks), _values.numbers(pts, format), _values.numbers(durations, format))

    def _pixels(self, ranks: list[int]) -> Any:
        return _values.array(self._decoder.decode(ranks, self._channels_last), _values.chosen(self._format))

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, self._arguments

    def __repr__(self) -> str:
        it = self.metadata
        rate = "" if it.average_fps is None else f" at {it.average_fps:.4g} fps"
        return f"VideoDecoder({it.path!r}: {it.num_frames} frames of {it.width}x{it.height}{rate}, {it.codec})"


# Bytes of frames that are decoded together where all are wanted one after the other.
_AT_ONCE = 256 << 20


def _reopened(path: str, dimension_order: Any, verify: Any, format: Any, sandbox: bool = False) -> VideoDecoder:
    return VideoDecoder(path, dimension_order=dimension_order, verify=verify, format=format, sandbox=sandbox)


def _listed(values: Any, name: str) -> list[Any]:
    try:
        return values.tolist() if hasattr(values, "tolist") else list(values)
    except TypeError as error:
        raise UsageError(f"{name} must be a sequence: {error}") from error


def _described(frame: Frame | FrameBatch, times: str) -> str:
    return f"{type(frame).__name__}(data={list(frame.data.shape)}, {times})"
