"""What tubelet raises. The messages are those that the command prints."""

from __future__ import annotations

__all__ = ["TubeletError", "UsageError", "VideoError"]


class TubeletError(RuntimeError):
    """Something failed while it was done. Everything that tubelet raises by itself is one."""

    __module__ = "tubelet"


class UsageError(TubeletError, ValueError):
    """What was asked for cannot be done, and other arguments or files would do; ``hint`` may say which."""

    __module__ = "tubelet"

    hint: str | None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n\nhint: {self.hint}"


class VideoError(TubeletError):
    """A video cannot be read or decoded: ``verdict`` is a word for programs, ``path`` the file."""

    __module__ = "tubelet"

    verdict: str
    path: str

    def __init__(self, message: str, verdict: str = "", path: str = "") -> None:
        super().__init__(message, verdict, path)
        self.message, self.verdict, self.path = message, verdict, path

    def __str__(self) -> str:
        return self.message
