"""What one answer is worth, compared with the gold of its question.

Of a question that can be answered:

    citation_precision   of the documents that it cites, the share that are gold; only where something was answered
    citation_recall      of the best gold, the share that it cites
    quote_faithfulness   of its quotes, the share that stand in their passages; only where something was answered
    claims_supported     of its claims, the share that what they cite or the reference supports; only where some were made
    reference_stated     of the reference's claims, the share that it states; only where there is a reference
    overlap              F1 of the words of answer and reference, both in lower case, without punctuation and a, an, the
                         (as SQuAD normalises); only where there is a reference

and the measures of its `ProgramSpec`. A refusal is 0 in all of them but those that only answers have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...programs.call.steps import evidence
from ...programs.check.quotes import find_quote
from ...programs.measures import AnswerCase, overlap
from ...programs.registry import program_spec
from ...programs.said import output_lines
from ...retrieval.errors import BoundError
from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from .reference_check import claims_supported, reference_stated


def check_answer(
    program: str, question: GoldQuestion, record: Mapping[str, Any], passages: Mapping[str, Passage]
) -> dict[str, float]:
    """Return the checks of an answer by name; one that does not apply is absent.

    Args:
        program: its name.
        question: one that can be answered.
        record: of the answer, as `answer_run.answer_record` makes it.
        passages: by id, those that the search met and those that hold the gold.

    Raises:
        BoundError: a measure of the program gave a value outside its bounds.
    """
    cited = [passages[citation["passage_id"]] for citation in record["citations"]]
    documents = {passage.document_id for passage in cited}
    case = AnswerCase(record["output"], cited, question.gold, question.best, question.metadata, passages)
    values = {}
    if record["answered"]:
        values["citation_precision"] = sum(d in question.gold for d in documents) / len(documents)
        verbatim = [_is_verbatim(c["quote"], passages[c["passage_id"]]) for c in record["citations"]]
        values["quote_faithfulness"] = sum(verbatim) / len(verbatim)
        supported = claims_supported(record["output"], question.answer or "", passages, question.text)
        if supported is not None:
            values["claims_supported"] = supported
    if case.best:
        values["citation_recall"] = len(documents & case.best) / len(case.best)
        values |= _own_measures(program, case)
    if question.answer:
        lines = output_lines(record["output"]) if record["answered"] else []
        values["reference_stated"] = reference_stated(question.answer, lines, question.text)
        values["overlap"] = overlap(" ".join(lines), question.answer)
    return values


def _is_verbatim(quote: str, passage: Passage) -> bool:
    read = evidence(passage)
    return find_quote(quote, read.text, read.about.values()) is not None


def _own_measures(program: str, case: AnswerCase) -> dict[str, float]:
    values = {}
    for name, measure in program_spec(program).measures.items():
        value = measure.of(case)
        if value is None:
            continue
        if not measure.least <= value <= 1:
            raise BoundError(
                f"measure {name!r} of program {program} must give from {measure.least:g} to 1, or None (got {value!r})"
            )
        values[name] = float(value)
    return values
