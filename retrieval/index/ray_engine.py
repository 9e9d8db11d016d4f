"""Embedding on the machines of a Ray cluster, for one writer that commits what they make.

Actors load the profile's embedder, each is handed groups of texts, and every group's vectors are kept as soon as they come.
So a build that was killed goes on from them, as one without Ray does, and an actor that dies is begun again with what it
was at. A machine whose embedder is another one (other weights, another library) is an error before its vectors are kept.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..environment import read_text, set_text
from ..errors import BoundError, IdentityMismatchError, MissingExtraError, QuincunxError, RemoteModelError
from ..models.embedders import Embedder, EmbedderIdentity, Vectors, require_unit
from ..models.passage_precision import embedding_in
from .embedding import TextGroup

if TYPE_CHECKING:
    from ..models.precision.formats import Precision
    from ..models.profiles import LoadEmbedder

logger = logging.getLogger(__name__)

AHEAD = 2
"""Groups that an actor is handed at once, so that it never waits for the next."""
RESTARTS = 3
"""How often an actor that died is begun again."""
USAGE_STATISTICS = "RAY_USAGE_STATS_ENABLED"
CONNECT_S = 5.0
"""In which a head must take a connection."""
WARN_AFTER_S = 60.0
"""Without any vectors, which is told, again and again."""


@dataclass(frozen=True)
class RayCluster:
    """Where `build_index` and `update_index` embed, and with how many actors.

    Each machine needs this package and the extra ``ray`` in the versions of this one, and the profile's weights where this
    one has them. Text and vectors go over the network, so that the cluster must be one that may read the documents.

    Args:
        address: of the cluster's head, ``ray://host:10001`` or ``host:6379``; ``auto`` for the cluster that this machine
            belongs to, ``local`` for one of this machine alone, which is ended afterwards. Ray listens on all addresses then.
        actors: how many embed at once; as many as the cluster has room for, if ``None``.
        cpus, gpus: what each of them takes of a machine.

    Raises:
        BoundError: a number that cannot be.

    Example:
        >>> import quincunx
        >>> quincunx.RayCluster("ray://head:10001", actors=16).actors
        16
    """

    address: str = "auto"
    actors: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.actors is not None and self.actors < 1:
            raise BoundError(f"actors must be at least 1 (got {self.actors})")
        if self.cpus <= 0:
            raise BoundError(f"cpus of an actor must be over 0 (got {self.cpus})")
        if self.gpus < 0:
            raise BoundError(f"gpus of an actor must be at least 0 (got {self.gpus})")


class RayEngine:
    """An `EmbeddingEngine` of actors that load an embedder each."""

    def __init__(self, cluster: RayCluster, load: LoadEmbedder) -> None:
        self.cluster, self._load = cluster, load

    def embed(
        self, embedder: Embedder, groups: Iterable[TextGroup], progress: Callable[[int], None]
    ) -> Iterator[tuple[TextGroup, Vectors]]:
        """See `EmbeddingEngine`.

        Raises:
            MissingExtraError: Ray is not installed.
            RemoteModelError: the cluster cannot be reached, or its actors died again and again.
            IdentityMismatchError: a machine's embedder is another one.
        """
        left = iter(groups)
        first = next(left, None)
        if first is None:
            return  # nothing to embed, so no cluster to ask
        ray = _ray()
        with self._connected(ray), self._actors(ray, embedder.identity.precision) as actors:
            waiting: dict[Any, tuple[Any, TextGroup]] = {}

            def hand_out(actor: Any, group: TextGroup | None) -> None:
                if group is not None:
                    waiting[actor.embed.remote(list(group.texts))] = actor, group

            hand_out(actors[0], first)
            for actor in [*actors[1:], *actors * (AHEAD - 1)]:
                hand_out(actor, next(left, None))
            embedded = 0
            while waiting:
                done = _first_done(ray, list(waiting))
                actor, group = waiting.pop(done)
                vectors = _vectors(ray, done, embedder.identity, len(group.texts))
                hand_out(actor, next(left, None))
                embedded += len(group.texts)
                progress(embedded)
                yield group, vectors

    @contextmanager
    def _connected(self, ray: Any) -> Iterator[None]:
        """Be connected to the cluster, by the app's own connection where it has one."""
        if ray.is_initialized():
            yield
            return
        try:
            _require_reachable(self.cluster.address)
            ray.init(
                address=self.cluster.address,
                log_to_driver=False,
                logging_level=logging.WARNING,
                include_dashboard=False if self.cluster.address == "local" else None,
            )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise RemoteModelError(
                f"no Ray cluster can be reached at {self.cluster.address!r}: {error}. Name its head, such as "
                "'ray://host:10001', or 'local' for one of this machine alone"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()

    @contextmanager
    def _actors(self, ray: Any, precision: Precision) -> Iterator[list[Any]]:
        cluster = self.cluster
        settings = {
            "num_cpus": cluster.cpus,
            "num_gpus": cluster.gpus,
            "max_restarts": RESTARTS,
            "max_task_retries": RESTARTS,
        }
        begin = ray.remote(**settings)(_EmbeddingActor).remote
        actors = [begin(self._load, precision) for _ in range(cluster.actors or self._room(ray))]
        try:
            yield actors
        finally:
            for actor in actors:
                ray.kill(actor)

    def _room(self, ray: Any) -> int:
        """Return how many actors fit the cluster as it is, one at least."""
        has = ray.cluster_resources()
        fit = [has.get("CPU", 0.0) / self.cluster.cpus]
        if self.cluster.gpus:
            fit.append(has.get("GPU", 0.0) / self.cluster.gpus)
        return max(1, int(min(fit)))


class _EmbeddingActor:
    """Runs on a machine of the cluster.

    The embedder is loaded for the first group, not in the constructor, so that a machine that cannot load it says why.
    """

    def __init__(self, load: LoadEmbedder, precision: Precision) -> None:
        self._load, self._precision = load, precision
        self._embedder: Embedder | None = None

    def embed(self, texts: list[str]) -> tuple[EmbedderIdentity, Vectors]:
        """Return what embedded the texts, which a machine of its own may have in another version, and their vectors."""
        if self._embedder is None:
            self._embedder = embedding_in(self._load(), self._precision)
        return self._embedder.identity, self._embedder.embed_passages(texts)


def _ray() -> Any:
    if read_text(USAGE_STATISTICS) is None:  # Ray would tell its makers of every cluster that it is used
        set_text(USAGE_STATISTICS, "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    return ray


def _require_reachable(address: str) -> None:
    """Raise ``OSError`` where nothing listens at the address of a head: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


def _first_done(ray: Any, asked: list[Any]) -> Any:
    while True:
        done, _ = ray.wait(asked, num_returns=1, timeout=WARN_AFTER_S)
        if done:
            return done[0]
        logger.warning(
            "no vectors came for %.0f s: `ray status` shows whether the cluster has room for the actors",
            WARN_AFTER_S,
        )


def _vectors(ray: Any, done: Any, wanted: EmbedderIdentity, count: int) -> Vectors:
    try:
        identity, vectors = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, QuincunxError):
            raise error.cause from error
        raise RemoteModelError(f"an actor of the Ray cluster could not embed: {error.cause}") from error
    except ray.exceptions.RayError as error:
        raise RemoteModelError(
            f"an actor of the Ray cluster died {RESTARTS + 1} times: {error}. What it was to embed is not lost: run the "
            "same command again, with fewer actors where memory ran out"
        ) from error
    differences = identity.differences(wanted)
    if differences:
        raise IdentityMismatchError(
            f"a machine of the Ray cluster embeds otherwise than this one: {'; '.join(differences)}. Install the same "
            "versions and the same weights on all"
        )
    return require_unit(vectors, count, wanted.dims, wanted.model)
