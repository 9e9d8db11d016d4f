"""Which server is asked next: the least busy one that does not rest; one that keeps failing is out for a while."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.models.remote.endpoints import FIRST_REST_S, LONGEST_REST_S, OUT_AFTER, Endpoints


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_least_busy_is_next() -> None:
    endpoints = Endpoints(["http://a", "http://b/"], Clock())
    first = endpoints.next()
    first.in_flight += 1
    assert [first.url, endpoints.next().url] == ["http://a", "http://b"]


def test_each_failure_in_a_row_doubles_the_rest_up_to_a_bound() -> None:
    endpoints = Endpoints(["http://a"], Clock())
    rests = []
    for _ in range(12):
        endpoints.failed(endpoints.next(), "refused")
        rests.append(endpoints.rest_s(endpoints.next()))
    assert rests == pytest.approx([min(LONGEST_REST_S, FIRST_REST_S * 2**n) for n in range(12)])


def test_it_is_out_until_its_rest_is_over_and_back_with_its_first_answer() -> None:
    clock = Clock()
    endpoints = Endpoints(["http://a"], clock)
    server = endpoints.next()
    for _ in range(OUT_AFTER):
        assert not endpoints.is_out(server)
        endpoints.failed(server, "refused")
    assert endpoints.is_out(server)
    clock.now += endpoints.rest_s(server)
    assert not endpoints.is_out(server)
    endpoints.failed(server, "refused")  # the one try after the rest
    assert endpoints.is_out(server)
    endpoints.answered(server)
    assert (endpoints.is_out(server), endpoints.rest_s(server)) == (False, 0)


def test_a_busy_server_is_never_out() -> None:
    endpoints = Endpoints(["http://a"], Clock())
    for _ in range(3 * OUT_AFTER):
        endpoints.turned_away(endpoints.next(), 7)
    assert not endpoints.is_out(endpoints.next())
    assert endpoints.rest_s(endpoints.next()) == 7


@given(
    st.lists(st.tuples(st.sampled_from(["failed", "turned_away", "answered"]), st.floats(0, 5)), max_size=60)
)
def test_one_that_does_not_rest_goes_before_one_that_does(events: list[tuple[str, float]]) -> None:
    clock = Clock()
    endpoints = Endpoints(["http://a", "http://b", "http://c"], clock)
    for what, seconds in events:
        server = endpoints.next()
        if what == "failed":
            endpoints.failed(server, "refused")
        elif what == "turned_away":
            endpoints.turned_away(server, seconds)
        else:
            endpoints.answered(server)
        clock.now += seconds / 2
        rests = [endpoints.rest_s(each) for each in endpoints.all]
        assert endpoints.rest_s(endpoints.next()) == min(rests)
