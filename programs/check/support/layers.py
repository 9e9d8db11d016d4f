"""The layers of the check that holds a claim to what it cites."""

from __future__ import annotations

from typing import Literal

Layer = Literal["details", "polarity", "similarity"]
"""Names, numbers and subjects; denials, opposites and quantifiers; a model's score."""
LAYERS: tuple[Layer, ...] = ("details", "polarity", "similarity")
