"""What several workers do when a language model says that it is asked too much: they pause together."""

from __future__ import annotations

import logging
import threading
import time

from dspy.utils.exceptions import LMRateLimitError

from ...retrieval.errors import OllamaBusyError

logger = logging.getLogger(__name__)

RETRIES = 6
"""How often what was refused is asked again."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class RateLimitPause:
    """Lets no worker ask while a language model needs rest; safe to share across threads.

    A pause is as long as the model says (``Retry-After``), and ``first_pause_s`` where it does not say, and then twice that
    each time, a minute at most.
    """

    def __init__(self, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._first = self._next = first_pause_s
        self._until = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Wait until a pause is over, or `stop` is called."""
        while (left := self._until - time.monotonic()) > 0 and not self._stopped.wait(left):
            pass

    def pause_for(self, error: BaseException) -> bool:
        """Begin a pause if an error says that too much was asked; return whether it does."""
        said = _rate_limit(error)
        if said is None:
            return False
        with self._lock:
            if time.monotonic() >= self._until:  # else another worker has been told so just now
                seconds = min(max(self._next, getattr(said, "retry_after", None) or 0.0), LONGEST_PAUSE_S)
                self._until = time.monotonic() + seconds
                logger.warning("the language model is asked too much: all workers pause for %.0f s", seconds)
                self._next = min(2 * self._next, LONGEST_PAUSE_S)
        return True

    def ease(self) -> None:
        """Note an answer: the next pause is as short as the first."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._next = self._first

    def stop(self) -> None:
        """End every wait, now and from now on."""
        self._stopped.set()


def _rate_limit(error: BaseException) -> BaseException | None:
    """Return that of an error and what it was raised from which says that too much was asked."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if isinstance(cause, (OllamaBusyError, LMRateLimitError)):
            return cause
        seen.append(cause)
        cause = cause.__cause__
    return None
