"""The client of a service that waits for each answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from .answers import (
    IndexListing,
    ProgramListing,
    RankedDocument,
    draft_id_from_json,
    indexes_from_json,
    programs_from_json,
    ranking_from_json,
    schemas_of,
)
from .calls import (
    INDEXES,
    PROGRAMS,
    ask_call,
    batch_call,
    budget_body,
    feedback_call,
    rerank_call,
    search_call,
    settings_body,
)
from .connection import ServiceConnection
from .wire import SECONDS

if TYPE_CHECKING:
    from ...programs.answer import Answer
    from ...programs.budget import Budget
    from ...programs.events import Event, Failed
    from ...retrieval.search import SearchResult
    from ...retrieval.settings import SearchSettings
    from ...signatures.conversation import Turn


class Client:
    """Asks a service that `quincunx serve` started; answers, events and errors are those of a call in process.

    An answer also has the ``id`` that the service gave it. The output of a program that is not known in this process is a
    view of its fields as attributes. Connections that fail and requests that are turned away (429, 503) are tried again
    within ``seconds``; feedback, and a stream that has begun, never.

    Args:
        address: left out, that in ``QUINCUNX_SERVER``, or else http://127.0.0.1:8765.
        key: left out, that in ``QUINCUNX_API_KEY``, or else none.
        seconds: within which a call ends, and between two events of a stream.

    Raises:
        ServiceUnreachableError: when it is asked, where no service answers.
        ServiceError: an error of the service that no class is for, by its ``code``; and a reply that is none.
        DeadlineExceededError: no answer came in time.
        QuincunxError: any other that the same call raises in process.

    Example:
        >>> import quincunx
        >>> with quincunx.Client("http://127.0.0.1:9", seconds=2) as client:
        ...     client.ask("chat_bridge", "What is Sage Daily?")
        Traceback (most recent call last):
        quincunx.retrieval.errors.ServiceUnreachableError: no service answers at http://127.0.0.1:9...
    """

    def __init__(
        self, address: str | None = None, *, key: str | None = None, seconds: float = SECONDS
    ) -> None:
        self._connection = ServiceConnection(address, key=key, seconds=seconds)
        self._read_schemas: Mapping[str, Mapping[str, Any]] = {}

    def ask(
        self,
        program: str,
        question: str,
        *,
        history: Sequence[Turn | Mapping[str, str]] = (),
        details: Mapping[str, str] | None = None,
        settings: SearchSettings | None = None,
        budget: Budget | None = None,
    ) -> Answer:
        """Return a program's answer.

        ``details`` are the program's other inputs by name; of ``settings`` what is not the default counts, and the rest is
        as the service has the program.
        """
        from .from_json import answer_from_json

        call = ask_call(program, question, history, details, settings_body(settings), budget_body(budget))
        told = self._connection.send(call)
        return answer_from_json(told, self._schemas(told))

    def stream(
        self,
        program: str,
        question: str,
        *,
        history: Sequence[Turn | Mapping[str, str]] = (),
        details: Mapping[str, str] | None = None,
        settings: SearchSettings | None = None,
        budget: Budget | None = None,
    ) -> Iterator[Event]:
        """Yield what happens on the way to an answer; the last event is `Done` or `Failed`. Closing it ends the call."""
        from .from_json import event_from_json

        call = ask_call(
            program, question, history, details, settings_body(settings), budget_body(budget), stream=True
        )
        for event in self._connection.stream(call):
            yield event_from_json(event, self._schemas(event))

    def batch(
        self,
        program: str,
        questions: Iterable[str | Mapping[str, Any]],
        *,
        settings: SearchSettings | None = None,
        budget: Budget | None = None,
    ) -> list[Answer | Failed]:
        """Return the answers to several questions, in their order; a failure is a value among them.

        A question is its text, or a mapping of a call's arguments such as ``{"question": "…", "history": [...]}``.
        """
        from .from_json import outcomes_from_json

        call = batch_call(program, questions, settings_body(settings), budget)
        told = self._connection.send(call)
        return outcomes_from_json(told, self._schemas(told))

    def search(self, index: str, question: str, settings: SearchSettings | None = None) -> SearchResult:
        """Return what a search finds of an index, or of several joined by commas."""
        from .from_json import search_from_json

        return search_from_json(self._connection.send(search_call(index, question, settings_body(settings))))

    def rerank(self, query: str, documents: Sequence[str], top_n: int | None = None) -> list[RankedDocument]:
        """Return the documents by their places among those given, the most relevant first."""
        return ranking_from_json(self._connection.send(rerank_call(query, documents, top_n)))

    def programs(self) -> list[ProgramListing]:
        """Return the programs that can be asked."""
        return programs_from_json(self._connection.send(PROGRAMS))

    def indexes(self) -> list[IndexListing]:
        """Return the indexes that can be searched."""
        return indexes_from_json(self._connection.send(INDEXES))

    def feedback(
        self,
        answer: Answer | str,
        thumb: Literal["up", "down"],
        *,
        corrected_answer: str = "",
        right_passages: Sequence[str] = (),
        comment: str = "",
    ) -> str:
        """Say whether an answer of the service, or the one of that id, is right; return the id of the draft made of it."""
        call = feedback_call(
            answer if isinstance(answer, str) else answer.id,
            thumb,
            corrected_answer=corrected_answer,
            right_passages=list(right_passages),
            comment=comment,
        )
        return draft_id_from_json(self._connection.send(call))

    def close(self) -> None:
        """End the connections to the service."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _schemas(self, told: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Return what outputs of programs are read by that are not known here; asked for when one is met."""
        from .from_json import needs_schemas

        if not self._read_schemas and needs_schemas(told):
            self._read_schemas = schemas_of(self.programs())
        return self._read_schemas
