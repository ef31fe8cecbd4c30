"""The native half of tubelet; `python/src` has it."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, final

from typing_extensions import CapsuleType

__version__: str

@final
class Buffer:
    """An array in memory that Python may write to. PyTorch, NumPy, JAX and others take it without a copy, by
    ``torch.from_dlpack(buffer)``, ``numpy.asarray(buffer)`` or ``memoryview(buffer)``."""

    @property
    def shape(self) -> list[int]: ...
    @property
    def dtype(self) -> Literal["uint8", "bool", "int64", "float32", "float64"]: ...
    @property
    def nbytes(self) -> int: ...
    def data_ptr(self) -> int:
        """Address of the first byte."""
    def tolist(self) -> Any:
        """The elements as nested lists."""
    def __len__(self) -> int: ...
    def __getitem__(self, at: int, /) -> Buffer: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> CapsuleType: ...

@final
class Table:
    """Columns of Arrow. Whatever knows the Arrow PyCapsule protocol takes it: ``pyarrow.table(table)``,
    ``polars.DataFrame(table)``, ``duckdb.sql("select … from table")``."""

    @property
    def num_rows(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def to_pyarrow(self) -> Any:
        """The table as a ``pyarrow.Table``; needs pyarrow."""
    def to_pandas(self) -> Any:
        """The table as a ``pandas.DataFrame``; needs pyarrow and pandas."""
    def to_pylist(self) -> list[dict[str, Any]]:
        """The table as a list of dictionaries; needs pyarrow."""
    def _segments(self) -> list[tuple[str, float | None, float | None]]: ...
    def _with_columns_of(self, other: Table) -> Table: ...
    def __len__(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType: ...

class VideoFacts(TypedDict):
    num_frames: int
    width: int
    height: int
    average_fps: float
    duration_ns: int
    codec: str
    container: str
    bytes: int
    pixel_aspect: tuple[int, int]
    rotation: int
    variable_rate: bool
    key_frames: list[int]

@final
class FrameDecoder:
    """A video that is open."""

    def __new__(cls, path: str, whole: bool, sandbox: bool) -> FrameDecoder: ...
    def facts(self) -> VideoFacts: ...
    def times(self) -> list[int]: ...
    def decode(self, ranks: Sequence[int], channels_last: bool) -> Buffer: ...

@final
class ClipStream:
    """A part of an epoch."""

    def next(self) -> tuple[dict[str, Buffer], dict[str, list[str | None]]] | None: ...

@final
class ClipLoader:
    """Videos that were opened as clips."""

    def __new__(cls, wanted: dict[str, Any]) -> ClipLoader: ...
    @property
    def batches_per_epoch(self) -> int: ...
    @property
    def settings(self) -> list[tuple[str, str]]: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def videos(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def geometry(self) -> dict[str, int]: ...
    def quarantined(self) -> list[tuple[str, str, str]]: ...
    def stream(self, epoch: int, first: int) -> ClipStream: ...
    def arrow_stream(self, epoch: int, first: int) -> CapsuleType: ...

def scan(videos: Sequence[str], out: str | None, threads: int | None, verify: bool, sandbox: bool) -> Table: ...
def decode_by(program: str, arguments: Sequence[str]) -> bool: ...
def serve() -> None: ...
def buffer_of(data: bytes, dtype: str, shape: Sequence[int]) -> Buffer: ...
def read_clips(
    segments: Sequence[tuple[str, float | None, float | None]],
    recipe: str | None,
    set: Sequence[str],
    layout: str,
    threads: int | None,
) -> Table: ...
def read_clips_as_arrays(
    segments: Sequence[tuple[str, float | None, float | None]],
    recipe: str | None,
    set: Sequence[str],
    layout: str,
    threads: int | None,
) -> tuple[dict[str, Buffer], dict[str, list[str | None]]]: ...
def table_of(stream: CapsuleType) -> Table: ...
def embed(
    videos: Sequence[str],
    model: dict[str, Any],
    out: str,
    windows: tuple[int, int] | None,
    views: tuple[int, int] | None,
    pool: str,
    half: bool,
    preprocess: str | None,
) -> Table: ...
def predict(
    videos: Sequence[str],
    model: dict[str, Any],
    classes: str | None,
    views: tuple[int, int] | None,
    over_time: bool,
) -> Table: ...
def contact_sheet(
    title: str,
    clips: Sequence[dict[str, Any]],
    layout: str,
    sides: tuple[int, int, int],
    cube: tuple[int, int],
) -> bytes: ...
def doctor() -> tuple[str, bool, list[tuple[str, str]]]: ...
def run_command(arguments: Sequence[str]) -> int: ...
def copied_bytes() -> int: ...
