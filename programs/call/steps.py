"""The one path of a call, whoever drives it: rephrase, split up, find, ask, check.

`Flow.run` is a generator. It yields what takes time, a search or a question to a language model, and is sent the result,
so that sync, async and streamed calls (see `drive`) take the same path and cannot differ.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dspy

from ...retrieval.errors import ModelOutputError
from ...retrieval.passages import FOR_SEARCHES, Passage, stated_names
from ...retrieval.text.questions import lone_surrogate_at
from ...signatures.evidence import Claim, Evidence
from ..answer import Answer
from ..budget import Meter
from ..check.claims import SupportCheck
from ..check.grounding import all_claims, ground
from ..check.links import links
from ..check.quotes import neutralise
from ..check.support.cited import wording
from ..check.support.similarity import support_model
from ..events import CheckedSentence, Cited, Event, Passages, Stage, Status
from ..parts import ProgramParts
from ..predictor import nearest_demos
from ..prompt.citing import asked_text
from ..prompt.demo_choice import DemoChoice
from ..prompt.reply_types import LONGEST_CLAIM, MOST_CITES, MOST_ENTRIES
from ..prompt.rules import Cites
from ..prompt.sentence_choice import ChosenSentences, SentenceChoice
from .inputs import CallInputs
from .predict import AskModel, ask_strictly, is_extractive
from .sentence_stream import SentenceStream, prose_field

logger = logging.getLogger(__name__)

LONGEST_QUERY = 240
"""Characters of a query that a language model wrote: no embedder reads fewer tokens."""
NEAREST = 2
"""Titles that a refusal names."""
SEARCHED_FOR = " Searched for: "
"""Stands in a refusal after why nothing was answered."""


@dataclass(frozen=True)
class Retrieve:
    """A step: retrieve; its result is the retriever's Prediction."""

    retriever: dspy.Module
    question: str
    queries: Sequence[str]

    def run(self) -> dspy.Prediction:
        """Search in this thread."""
        return self.retriever(question=self.question, queries=self.queries)

    async def arun(self) -> dspy.Prediction:
        """Search without holding up the event loop."""
        return await self.retriever.acall(question=self.question, queries=self.queries)


@dataclass(frozen=True)
class Choose:
    """A step: choose what the language model reads, of the passages or the demos; its result is what was chosen."""

    choose: Callable[[], Any]

    def run(self) -> Any:
        """Choose in this thread."""
        return self.choose()

    async def arun(self) -> Any:
        """Choose without holding up the event loop."""
        return await asyncio.to_thread(self.run)


Step = Retrieve | Choose | AskModel


@dataclass
class Flow:
    """One call of a program: what was asked, and what has happened so far."""

    program: ProgramParts
    asked: CallInputs
    lm: dspy.BaseLM
    meter: Meter
    listener: Callable[[Event], None] | None = None
    """Is told what happens as it happens; ``None``: nobody listens, and nothing is streamed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each stage took."""
    begun: dict[str, float] = field(default_factory=dict)
    """When each stage began, on the clock of `time.perf_counter`."""
    found: dspy.Prediction | None = None
    notes: list[str] = field(default_factory=list)
    """What did not go as usual."""
    left_out: int = 0
    """Sentences of the passages that the language model is not given."""
    _told: list[Claim] = field(default_factory=list)
    """The claims that were told, in order."""

    @property
    def stages(self) -> dict[str, float]:
        """How long each stage took so far, those of the search apart as well."""
        return {**self.seconds, **(self.found.search.seconds if self.found is not None else {})}

    def run(self) -> Generator[Step, Any, Answer]:
        """Yield the steps of the call; return the checked answer."""
        question = yield from self._standalone()
        queries = yield from self._queries(question)
        self.tell(Status("retrieving"))
        search = " ".join([question, *filter(None, self.asked.details.values())])
        with self._timed("retrieve"):
            self.found = found = yield Retrieve(self.program.retriever, search, queries)
        self.tell(Passages(tuple(found.passages), tuple(found.candidates)))
        prediction = yield from self._draft(question, found.passages)
        self.tell(Status("checking"))
        with self._timed("check"):
            answer = self._answer(found, prediction)
        answer.seconds = self.stages
        for claim in all_claims(answer.output):
            if claim not in self._told:
                self.tell(CheckedSentence(claim))
        for citation in answer.citations:
            self.tell(Cited(citation))
        return answer

    def _standalone(self) -> Generator[Step, Any, str]:
        """Make the question self-contained, where a conversation went before it."""
        if not self.asked.history or self.program.rephrase is None:
            return self.asked.question
        inputs = {"history": self._history(), "question": neutralise(self.asked.question)}
        try:
            prediction = yield from self._ask("rephrasing", self.program.rephrase, inputs)
            written = _searchable(prediction.standalone)
        except ModelOutputError:
            written = None
        if written is not None and not self._is_earlier(written):
            return written
        self._note("the question was searched for as it was asked: rephrasing it gave nothing of use")
        return self.asked.question

    def _is_earlier(self, written: str) -> bool:
        """Whether what is to be the question, rephrased, is word for word what was said before it, as small models repeat it."""
        said = {wording(text) for turn in self.asked.history for text in (turn.question, turn.answer)}
        return wording(written) in said - {wording(self.asked.question)}

    def _queries(self, question: str) -> Generator[Step, Any, list[str]]:
        """Split the question up, where the program is set to."""
        most = self.program.queries
        if most <= 1 or self.program.decompose is None:
            return []
        inputs = {"question": neutralise(question), "most": most}
        try:
            prediction = yield from self._ask("splitting", self.program.decompose, inputs)
            written = [_searchable(query) for query in prediction.queries or ()]
        except ModelOutputError:
            written = []
        usable = [query for query in written if query is not None][:most]
        if not usable:
            self._note("the question was searched for as a whole: splitting it up gave nothing of use")
        return usable

    def _draft(self, question: str, passages: Sequence[Passage]) -> Generator[Step, Any, dspy.Prediction]:
        inputs: dict[str, Any] = {name: neutralise(value) for name, value in self.asked.details.items()}
        inputs |= {
            "question": neutralise(question),
            "passages": [evidence(passage) for passage in passages],
        }
        if "history" in self.program.predict.signature.input_fields:
            inputs["history"] = self._history()
        choose, chosen = sentence_choice(self.program) if self._numbered else None, None
        if choose is not None:
            with self._timed("choosing"):
                chosen = yield Choose(partial(choose, asked_text(inputs), inputs["passages"]))
            self.left_out = chosen.left_out if chosen is not None else 0
        return (
            yield from self._ask(
                "asking",
                self.program.predict,
                inputs,
                streamed=True,
                cites=self.program.cites,
                choose=choose,
                sentences=self._sentences(inputs["passages"], chosen),
            )
        )

    def _sentences(
        self, passages: Sequence[Evidence], chosen: ChosenSentences | None
    ) -> SentenceStream | None:
        """Return what tells the sentences of a reply as they come, where the output is prose."""
        annotation = self.program.spec.output_type
        field = prose_field(annotation)
        if self.listener is None or field is None or not self._numbered:
            return None
        return SentenceStream(annotation, field, passages, self._support, chosen)

    def _ask(
        self,
        stage: Stage,
        predict: dspy.Predict,
        inputs: dict[str, Any],
        *,
        streamed: bool = False,
        cites: Cites | None = None,
        choose: SentenceChoice | None = None,
        sentences: SentenceStream | None = None,
    ) -> Generator[Step, Any, dspy.Prediction]:
        """Ask a predictor, and once more in another form when the reply has not the form that was asked for."""
        self.tell(Status(stage))
        adapter, lm = self.program.adapter or dspy.settings.adapter, predict.lm or self.lm
        with self._timed(stage):
            demos, most = None, nearest_demos(predict)
            if most is not None and not is_extractive(lm):
                nearest = DemoChoice(self.program.retriever.handle, most)
                demos = yield Choose(partial(nearest, inputs, predict.demos))
            step = AskModel(predict, lm, adapter, inputs, streamed, cites, choose, sentences, demos)
            return (
                yield from ask_strictly(
                    self.program.name, step, self.meter, lambda: self.tell(Status("asking again"))
                )
            )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        """Note when a stage began and how long it took, be it that it failed."""
        begin = self.begun[stage] = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = time.perf_counter() - begin

    def tell(self, event: Event) -> None:
        """Tell whoever listens what has happened."""
        if self.listener is not None:
            self.listener(event)
        if isinstance(event, CheckedSentence):
            self._told.append(event.claim)

    def _history(self) -> list[Any]:
        return [
            turn.model_copy(update={"question": neutralise(turn.question), "answer": neutralise(turn.answer)})
            for turn in self.asked.history
        ]

    def _note(self, note: str) -> None:
        logger.warning("%s: %s", self.program.name, note)
        self.notes.append(note)

    @property
    def _support(self) -> SupportCheck:
        """Return how the claims of this call are held to what they cite."""
        model = support_model(self.program.retriever.handle.second_stage)
        least = self.program.spec.least_relevance
        return SupportCheck(
            self.asked.question,
            " ".join(filter(None, self.asked.details.values())),
            self.program.spec.support,
            model,
            least_relevance=least.get(model.name) if self._numbered and model is not None else None,
            longest=LONGEST_CLAIM if self._numbered else None,
            most_cites=MOST_CITES if self._numbered else None,
            most=MOST_ENTRIES if self._numbered else None,
        )

    @property
    def _numbered(self) -> bool:
        return self.program.cites == "numbers" and not is_extractive(self.program.predict.lm or self.lm)

    def _answer(self, found: dspy.Prediction, prediction: dspy.Prediction) -> Answer:
        (output_field,) = self.program.predict.signature.output_fields
        output = prediction[output_field]
        if output is None:
            raise ModelOutputError(
                f"the language model left out {output_field}, its answer to {self.program.name}"
            )
        grounded = ground(output, [evidence(passage) for passage in found.passages], self._support)
        return Answer(
            program=self.program.name,
            index=self.program.retriever.handle.index,
            question=self.asked.question,
            details=dict(self.asked.details),
            searched=[found.search.question, *found.search.queries],
            engine=str(self.lm.model),
            answered=grounded.answered,
            refusal=None if grounded.answered else _refusal(grounded.output, bool(grounded.dropped), found),
            output=grounded.output,
            citations=grounded.citations,
            dropped=grounded.dropped,
            passages=found.passages,
            left_out=self.left_out,
            candidates=found.candidates,
            search=found.search,
            usage=self.meter.usage,
            notes=[*self.asked.notes, *self.notes, *found.search.notes],
        )


def _searchable(written: Any) -> str | None:
    """Return what a language model wrote as a query, on one line; ``None`` when it is none."""
    query = " ".join(written.split()) if isinstance(written, str) else ""
    usable = query and lone_surrogate_at(query) is None and len(query) <= LONGEST_QUERY
    return neutralise(query) if usable else None


def _refusal(output: Any, dropped: bool, found: dspy.Prediction) -> str:
    """Say why nothing was answered, what was searched for, and what came nearest."""
    if getattr(output, "follow_up", ""):
        return "The question fits more than one thing; the follow-up question asks which is meant."
    why = (
        "Nothing that the model said could be supported by the passages found."
        if dropped
        else "The passages found do not hold an answer to this question."
    )
    # A title that leads somewhere gives way to the id.
    titles = [p.id if links(p.title) else p.title or p.id for p in found.passages]
    nearest = " and ".join(repr(title) for title in list(dict.fromkeys(titles))[:NEAREST])
    searched = "; ".join([found.search.question, *found.search.queries])
    return (
        f"{why}{SEARCHED_FOR}{searched}. Nearest: {nearest}."
        if nearest
        else f"{why}{SEARCHED_FOR}{searched}."
    )


def evidence(passage: Passage) -> Evidence:
    """Return a passage as prompts and the check read it."""
    # A title may be all that there is to quote, and it stands nowhere in the text.
    head = passage.head if passage.text else passage.title
    return Evidence(
        id=passage.id,
        title=passage.title,
        text=passage.text or passage.title,
        about={
            name: _plain(value)
            for name, value in passage.metadata.items()
            if value is not None and name not in FOR_SEARCHES
        },
        start=passage.start,
        head=len(head),
        parts=tuple((part.start, part.kind, part.number) for part in passage.parts),
        names=tuple(stated_names(passage.title.split(" › ")[0], passage.metadata)),
        path=str(passage.metadata.get("path", "")),
    )


def _plain(value: Any) -> str:
    """Return a metadata value as text: lists by their entries, all else that is no text as JSON."""
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def sentence_choice(program: ProgramParts) -> SentenceChoice | None:
    """Return what chooses for a program; ``None`` where its language model reads all."""
    most = program.spec.most_sentences
    if most is None or program.cites != "numbers":
        return None
    return SentenceChoice(program.retriever.handle, most)
