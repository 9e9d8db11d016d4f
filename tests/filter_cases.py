"""Strategies of metadata that are as odd as they come, and of filters over them."""

from __future__ import annotations

from hypothesis import strategies as st

from quincunx.retrieval.filters import And, Compare, Filter, In, Not, Or
from quincunx.retrieval.metadata import FieldName

KEYS = st.sampled_from(
    ["a", "b", "a.b", "release date", "dc:title", "and", "é", "e\u0301", '"', "\ud800", "x\x00"]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, 1, -1, 2, 1.0, 1.5, -0.0, 2**63 - 1, 2**63, 2**70, 10**400, float("nan"), float("inf"), 1e300]
    ),
    st.sampled_from(
        ["", "1", "true", "x", "é", "e\u0301", "\ud800", "\x00", "x\x00y", "long " * 100, "long " * 99]
    ),
    st.sampled_from(
        [
            "2026-01-01",
            "2026-01-01T12:00:00Z",
            "2026-01-01 23:30:00-05:00",
            "0001-01-01T00:00:00+14:00",
            "2026-1-1",
        ]
    ),
)
metadata = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
NAMED_KEYS = KEYS.filter(lambda key: key != "\ud800")
names = st.builds(
    lambda keys, optional: FieldName.of(*keys, optional=optional),
    st.lists(NAMED_KEYS, min_size=1, max_size=3),
    st.booleans(),
)
values = st.one_of(
    st.booleans(),
    st.sampled_from([0, 1, 2, 1.5, -1, 2**63 - 1, 1e300]),
    st.sampled_from(
        ["", "1", "true", "x", "é", "e\u0301", "\x00", "long " * 100, "long " * 99, "2026-01-01"]
    ),
)
bounds = st.sampled_from([0, 1, 1.5, 1e300, -1e300, "2026-01-01", "2026-01-02T04:30:00Z", "0001-01-01"])
leaves: st.SearchStrategy[Filter] = st.builds(In, names, st.lists(values, max_size=3).map(tuple)) | st.builds(
    Compare, names, st.sampled_from(["<", "<=", ">", ">="]), bounds
)
filters: st.SearchStrategy[Filter] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
