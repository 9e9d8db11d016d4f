"""What a client asks of a service: requests without a transport, so that sync and async clients share them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...retrieval.arguments import require_type
from ...retrieval.errors import UsageError
from ...retrieval.settings import SearchSettings

if TYPE_CHECKING:
    from ...programs.budget import Budget
    from ...signatures.conversation import Turn

SETTINGS_TAKEN = ("k", "n", "where", "rerank", "neighbours")
"""The search settings that a service takes."""
OTHER_THAN_DETAILS = ("question", "history", "budget")


@dataclass(frozen=True)
class ServiceCall:
    """One request."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    changes: bool = False
    """Whether it writes something: it is sent once then, whatever comes of it."""


def ask_call(
    program: str,
    question: str,
    history: Sequence[Turn | Mapping[str, str]] = (),
    details: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: Mapping[str, Any] | None = None,
    *,
    stream: bool = False,
) -> ServiceCall:
    """Return the request of one answer."""
    body = _question(question, history, details, budget)
    body |= {"settings": dict(settings)} if settings else {}
    body |= {"stream": True} if stream else {}
    return ServiceCall("POST", f"/v1/ask/{quote(program, safe='')}", body)


def batch_call(
    program: str,
    questions: Iterable[str | Mapping[str, Any]],
    settings: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> ServiceCall:
    """Return the request of several answers; a question's own budget goes before that of all.

    Raises:
        UsageError: what is no list of questions; one question alone is none.
    """
    if isinstance(questions, str | bytes | Mapping) or not isinstance(questions, Iterable):
        raise UsageError(
            f"questions must be a list of texts or mappings, such as ['What is Sage?'] (got {questions!r:.80})"
        )
    bodies = []
    for asked in questions:
        given: Mapping[str, Any] = asked if isinstance(asked, Mapping) else {"question": asked}
        details = {name: value for name, value in given.items() if name not in OTHER_THAN_DETAILS}
        bounds = budget_body(given.get("budget", budget))
        body = _question(given.get("question", ""), given.get("history", ()), details, bounds)
        bodies.append(body | ({"settings": dict(settings)} if settings else {}))
    return ServiceCall("POST", f"/v1/ask/{quote(program, safe='')}/batch", {"questions": bodies})


def search_call(index: str, question: str, settings: Mapping[str, Any] | None = None) -> ServiceCall:
    """Return the request of a search."""
    body: dict[str, Any] = {"index": index, "question": question}
    return ServiceCall("POST", "/v1/search", {**body, **({"settings": dict(settings)} if settings else {})})


def rerank_call(query: str, documents: Sequence[str], top_n: int | None = None) -> ServiceCall:
    """Return the request of a ranking."""
    body: dict[str, Any] = {"query": query, "documents": list(documents)}
    # The first version, for the second wants the name that the service gives its model.
    return ServiceCall("POST", "/v1/rerank", {**body, **({} if top_n is None else {"top_n": top_n})})


def feedback_call(answer_id: str, thumb: str, **said: Any) -> ServiceCall:
    """Return the request that says whether an answer is right; what is empty is left out."""
    body = {"answer_id": answer_id, "thumb": thumb, **{name: value for name, value in said.items() if value}}
    return ServiceCall("POST", "/v1/feedback", body, changes=True)


PROGRAMS = ServiceCall("GET", "/v1/programs")
INDEXES = ServiceCall("GET", "/v1/indexes")


def settings_body(settings: SearchSettings | None) -> dict[str, Any]:
    """Return what of search settings is not the default, as a service takes it.

    Raises:
        UsageError: a setting that a service does not take.
    """
    if settings is None:
        return {}
    require_type("settings", settings, SearchSettings, "a SearchSettings, such as SearchSettings(k=30, n=5)")
    own, defaults = settings.as_dict(), SearchSettings().as_dict()
    given = {
        field.name: own[field.name] for field in fields(settings) if own[field.name] != defaults[field.name]
    }
    return require_taken(given)


def budget_body(budget: Budget | None) -> dict[str, Any]:
    """Return the bounds that a budget sets."""
    return {} if budget is None else {name: most for name, most in asdict(budget).items() if most is not None}


def require_taken(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return search settings by name; raises `UsageError` for one that a service does not take."""
    for name in given:
        if name not in SETTINGS_TAKEN:
            raise UsageError(
                f"a service does not take the search setting {name!r}; it takes {', '.join(SETTINGS_TAKEN)}: leave it "
                "out, or search in this process"
            )
    return dict(given)


def _question(
    question: str,
    history: Sequence[Turn | Mapping[str, str]],
    details: Mapping[str, str] | None,
    budget: Mapping[str, Any] | None,
) -> dict[str, Any]:
    turns = [turn if isinstance(turn, Mapping) else turn.model_dump() for turn in history]
    optional = {
        "history": turns,
        "details": dict(details or {}),
        "budget": dict(budget or {}),
    }
    return {"question": question, **{name: value for name, value in optional.items() if value}}
