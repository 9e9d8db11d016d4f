"""What the service counts and times, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ...retrieval.errors import QuincunxError

if TYPE_CHECKING:
    from ...programs.trace import CallRecord
    from ...retrieval.handle import SearchHandle
    from .gate import RequestGate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ServiceMetrics:
    """Counters of one service."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "quincunx_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "quincunx_request_seconds", "From a request's arrival to the end of its response.", ["route"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._stages = Histogram(
            "quincunx_stage_seconds", "Seconds of each stage of a call or a search.", ["stage"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._calls = Counter(
            "quincunx_calls",
            "Calls of programs by how they ended.",
            ["program", "outcome"],
            registry=registry,
        )
        self._errors = Counter(
            "quincunx_call_errors", "Calls of programs that failed, by the code of the error.", ["program", "code"],
            registry=registry,
        )  # fmt: skip
        self._tokens = Counter(
            "quincunx_tokens", "Tokens of language models, read (in) and written (out).", ["program", "direction"],
            registry=registry,
        )  # fmt: skip
        self._lm_calls = Counter(
            "quincunx_lm_calls", "Calls of language models.", ["program"], registry=registry
        )
        self._lm_cached = Counter(
            "quincunx_lm_calls_cached", "Of those, how many a cache answered.", ["program"], registry=registry
        )
        self._dropped = Counter(
            "quincunx_dropped", "What the check took out of answers, by its rule.", ["program", "rule"],
            registry=registry,
        )  # fmt: skip
        self._remembered = Counter(
            "quincunx_rerank_scores_remembered", "Rerank scores that were remembered.", registry=registry
        )
        self._cut = Counter(
            "quincunx_texts_cut", "Texts that a model read in part.", ["route"], registry=registry
        )

    def watch(self, gate: RequestGate, indexes: Callable[[], Mapping[str, SearchHandle]]) -> None:
        """Tell, whenever it is asked, how many requests work and wait, and the generation of each index of then."""
        working = Gauge("quincunx_requests_working", "Requests that are worked on.", registry=self._registry)
        waiting = Gauge("quincunx_requests_waiting", "Requests that wait.", registry=self._registry)
        working.set_function(lambda: gate.working)
        waiting.set_function(lambda: gate.waiting)
        self._registry.register(_Generations(indexes))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that ended."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def stages(self, seconds: Mapping[str, float]) -> None:
        """Count the stages of a search."""
        for stage, took in seconds.items():
            self._stages.labels(stage).observe(took)

    def call(self, record: CallRecord) -> None:
        """Count a call of a program."""
        self._calls.labels(record.program, record.outcome).inc()
        self.stages(record.stages)
        self._remembered.inc(record.remembered)
        for dropped in record.dropped:
            self._dropped.labels(record.program, dropped["rule"]).inc()
        if record.error is not None:
            self._errors.labels(record.program, record.error).inc()
        if (usage := record.usage) is not None:
            self._lm_calls.labels(record.program).inc(usage.lm_calls)
            self._lm_cached.labels(record.program).inc(usage.cached)
            self._tokens.labels(record.program, "in").inc(usage.input_tokens or 0)
            self._tokens.labels(record.program, "out").inc(usage.output_tokens or 0)

    def cut(self, route: str, texts: int) -> None:
        """Count texts that were longer than a model reads."""
        self._cut.labels(route).inc(texts)

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)


class _Generations(Collector):
    """The generation of each index; they come and go with a reload."""

    def __init__(self, indexes: Callable[[], Mapping[str, SearchHandle]]) -> None:
        self._indexes = indexes

    def collect(self) -> Iterator[GaugeMetricFamily]:
        generation = GaugeMetricFamily(
            "quincunx_index_generation", "Generation that answers.", labels=["index"]
        )
        readable = GaugeMetricFamily(
            "quincunx_index_readable", "1, or 0 for an index that cannot be read.", labels=["index"]
        )
        for name, handle in self._indexes().items():
            try:
                generation.add_metric([name], handle.searcher.generations()[name])
            except QuincunxError:
                readable.add_metric([name], 0)
            else:
                readable.add_metric([name], 1)
        yield generation
        yield readable
