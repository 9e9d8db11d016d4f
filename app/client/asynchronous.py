"""The client of a service for programs that do other things while they wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
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
from .async_connection import AsyncServiceConnection
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
from .wire import SECONDS

if TYPE_CHECKING:
    from ...programs.answer import Answer
    from ...programs.budget import Budget
    from ...programs.events import Event, Failed
    from ...retrieval.search import SearchResult
    from ...retrieval.settings import SearchSettings
    from ...signatures.conversation import Turn


class AsyncClient:
    """Asks a service as `Client` does, in an event loop: the same methods, to be awaited.

    Example:
        >>> import asyncio, quincunx
        >>> async def ask():
        ...     async with quincunx.AsyncClient("http://127.0.0.1:9", seconds=2) as client:
        ...         return await client.ask("chat_bridge", "What is Sage Daily?")
        >>> asyncio.run(ask())
        Traceback (most recent call last):
        quincunx.retrieval.errors.ServiceUnreachableError: no service answers at http://127.0.0.1:9...
    """

    def __init__(
        self, address: str | None = None, *, key: str | None = None, seconds: float = SECONDS
    ) -> None:
        self._connection = AsyncServiceConnection(address, key=key, seconds=seconds)
        self._read_schemas: Mapping[str, Mapping[str, Any]] = {}

    async def ask(
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
        told = await self._connection.send(call)
        return answer_from_json(told, await self._schemas(told))

    async def stream(
        self,
        program: str,
        question: str,
        *,
        history: Sequence[Turn | Mapping[str, str]] = (),
        details: Mapping[str, str] | None = None,
        settings: SearchSettings | None = None,
        budget: Budget | None = None,
    ) -> AsyncIterator[Event]:
        """Yield what happens on the way to an answer; the last event is `Done` or `Failed`. Closing it ends the call."""
        from .from_json import event_from_json

        call = ask_call(
            program, question, history, details, settings_body(settings), budget_body(budget), stream=True
        )
        async for event in self._connection.stream(call):
            yield event_from_json(event, await self._schemas(event))

    async def batch(
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
        told = await self._connection.send(call)
        return outcomes_from_json(told, await self._schemas(told))

    async def search(self, index: str, question: str, settings: SearchSettings | None = None) -> SearchResult:
        """Return what a search finds of an index, or of several joined by commas."""
        from .from_json import search_from_json

        return search_from_json(
            await self._connection.send(search_call(index, question, settings_body(settings)))
        )

    async def rerank(
        self, query: str, documents: Sequence[str], top_n: int | None = None
    ) -> list[RankedDocument]:
        """Return the documents by their places among those given, the most relevant first."""
        return ranking_from_json(await self._connection.send(rerank_call(query, documents, top_n)))

    async def programs(self) -> list[ProgramListing]:
        """Return the programs that can be asked."""
        return programs_from_json(await self._connection.send(PROGRAMS))

    async def indexes(self) -> list[IndexListing]:
        """Return the indexes that can be searched."""
        return indexes_from_json(await self._connection.send(INDEXES))

    async def feedback(
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
        return draft_id_from_json(await self._connection.send(call))

    async def close(self) -> None:
        """End the connections to the service."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _schemas(self, told: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Return what outputs of programs are read by that are not known here; asked for when one is met."""
        from .from_json import needs_schemas

        if not self._read_schemas and needs_schemas(told):
            self._read_schemas = schemas_of(await self.programs())
        return self._read_schemas
