"""How texts of different lengths are dealt to forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

BATCH_ITEMS = 32
BATCH_TOKENS = 2048
"""Items × longest item of one forward pass, padding included. What lies between the layers of 4096 tokens is large enough for
glibc to fetch it anew from the system each time: on two cores such passes took 2 to 10 % longer."""
PADDING = 0.1
"""Share of a batch that may be padding before the shorter items get a batch of their own."""
TOKENS = {"cpu": BATCH_TOKENS, "cuda": 32 * BATCH_TOKENS}
"""Of one pass, by the kind of device: what keeps it busy, with the padding of a padded batch."""


def pass_tokens(device: str) -> int:
    """Return the tokens of one pass on this kind of device."""
    return TOKENS.get(device, BATCH_TOKENS)


def batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Yield the indices of ``lengths`` (tokens), longest first, in batches of at most ``tokens``, padding included.

    An item that is longer than ``tokens`` is a batch of its own.
    """
    batch: list[int] = []
    held = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch:
            area = (len(batch) + 1) * lengths[batch[0]]
            padding = area - held - lengths[i]
            if area > tokens or len(batch) == BATCH_ITEMS or padding > PADDING * area:
                yield batch
                batch, held = [], 0
        batch.append(i)
        held += lengths[i]
    if batch:
        yield batch


def parts(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Return the indices of ``lengths`` (tokens, at least 1), shortest first, in parts of about equal size, without padding.

    They are as few as parts of ``tokens`` would be; one may be over that by an item. Items of one length lie side by side.
    """
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    total = sum(lengths)
    count = -(-total // tokens)
    ends = dict(zip(order, accumulate(lengths[i] for i in order), strict=True))

    def part(i: int) -> int:  # where the middle of the item lies
        return (2 * ends[i] - lengths[i]) * count // (2 * total)

    return [list(found) for _, found in groupby(order, part)]
