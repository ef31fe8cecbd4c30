"""A batch of clips."""

from __future__ import annotations

from typing import Any


class Batch(dict[str, Any]):
    """A dictionary of arrays, a row a clip. PyTorch's ``pin_memory``, Lightning, Accelerate and others take it for what
    it is: a dictionary, which they rebuild by ``type(batch)({...})``.

    ===================  =============================================================================================
    ``video``            uint8 pixels in the data set's layout: ``[B, 3, T, H, W]`` by default; writable, not a copy
    ``visible``          int64 ``[B, V]``: numbers of the tokens that the encoder sees, ascending (masked clips)
    ``target``           int64 ``[B, N]``: tokens that count in the loss; -1 behind the last of a shorter row
    ``context``          int64 ``[B, K]``: tokens that the decoder predicts without counting them; -1 likewise
    ``bool_masked_pos``  bool ``[B, tokens]``: True for the tokens that the encoder does not see
    ``label``            int64 ``[B]``: the class; -1 where none is known
    ``labels``           float32 ``[B, classes]``: several labels, or numbers; only of data that has them
    ``path``             list of B strings: the videos
    ``set``              list of B strings: the set of each; only of a mixture of data sets
    ``frames``           int64 ``[B, T]``: places of the frames in presentation order
    ``pts``              float64 ``[B, T]``: when they are shown, in seconds; ``times`` the same in ns, int64
    ``epoch``, ``clip``  int64 ``[B]``: what names a clip; seed, epoch and clip decide all that is drawn for it
    ``row``              int64 ``[B]``: the video's place in the list that was given
    ``crop``             int64 ``[B, 4]``: x, y, width, height of the window in the upright frame
    ``flip``             bool ``[B]``: whether it is mirrored
    ``view``             int64 ``[B, 2]``: clip and crop of a test's view
    ``erase``            int64 ``[B, 4]``: top, left, height, width of the box that random erasing fills; 0 for none
    ===================  =============================================================================================

    With ``layout="cubes"`` masked clips have ``visible_cubes`` (uint8 ``[B, V, C]``) and ``target_cubes`` (uint8
    ``[B, N, C]``) in place of ``video``, and labelled ones ``video`` as ``[B, tokens, C]``; the C = 2·16·16·3 bytes of a
    cube are in the order of the embedding's weights.
    """

    __slots__ = ()

    def bool_masked_pos(self) -> Any:
        """Hugging Face's form of a mask: bool ``[B, tokens]``, True for what the encoder does not see."""
        try:
            return self["bool_masked_pos"]
        except KeyError:
            raise AttributeError("the clips of this batch are not masked") from None

    def _repr_html_(self) -> str:
        """The batch in a notebook: frames of some clips, and what the mask leaves of them."""
        from . import _notebook

        return _notebook.page(self)

    def __repr__(self) -> str:
        shown = [f"{key}: {_described(value)}" for key, value in self.items()]
        return f"Batch({', '.join(shown)})"


def _described(value: Any) -> str:
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    return repr(value) if shape is None else f"{str(kind).removeprefix('torch.')}{list(shape)}"
