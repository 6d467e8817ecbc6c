"""Running out of memory, in a sentence: what did, what the system said, what needs less.

It needs no torch: PyTorch's own exception is told by its name, the others by what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# How PyTorch says so where it has no exception of its own for it.
SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
LESS = (
    "smaller values need less of it: train.batch_size, data.resolution, network.filters, "
    "network.layers"
)


class OutOfMemory(MemoryError):
    """The device or the machine has too little memory; the message says what may help."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: in Python or NumPy, on a GPU, or in PyTorch on the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def in_a_sentence(error: BaseException, what: str, advice: str = LESS) -> OutOfMemory:
    """The error as one that says `what` ran out of memory, and what may help."""
    if isinstance(error, OutOfMemory):
        return error
    said = " ".join(str(error).split())[:200] or "no more is known"
    return OutOfMemory(f"{what} ran out of memory ({said}); {advice}")


@contextmanager
def told_when_out_of_memory(what: str, advice: str = LESS) -> Iterator[None]:
    """Raises OutOfMemory for every form in which an allocation inside fails."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise in_a_sentence(error, what, advice) from error
