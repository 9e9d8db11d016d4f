"""Where two phrases stand near each other in a text: what FTS5's ``NEAR`` finds, from the places of both."""

from __future__ import annotations

from collections.abc import Sequence


def near_places(
    one: Sequence[int], other: Sequence[int], lengths: tuple[int, int], between: int
) -> tuple[int, int]:
    """Return how many places of each of two phrases have a place of the other near enough.

    Args:
        one, other: where the phrases begin, ascending, counted in tokens.
        lengths: how many tokens each has.
        between: most tokens that may stand between them.
    """
    return (
        sum(_has_near(at, lengths[0], other, lengths[1], between) for at in one),
        sum(_has_near(at, lengths[1], one, lengths[0], between) for at in other),
    )


def _has_near(at: int, length: int, others: Sequence[int], other_length: int, between: int) -> bool:
    return any(
        at - other_length - between <= other <= at if other <= at else at >= other - length - between
        for other in others
    )
