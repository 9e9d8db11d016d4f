"""``quincunx gold collect`` and ``quincunx gold drift``: what users asked, for a gold set"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..options import AsJson, GoldDir, ProfileName

Logs = Annotated[
    list[Path],
    typer.Argument(
        help="Logs of `quincunx serve --log-texts`, records of on_call as JSON lines, or files of feedback."
    ),
]


def gold_collect(
    gold_dir: GoldDir,
    logs: Logs,
    out: Annotated[Path, typer.Option(help="The file of drafts, one JSON line each; run again, it goes on.")],
    per_kind: Annotated[int, typer.Option(help="Most drafts of one kind.")] = 20,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draft questions for a gold set out of what users asked, for a person to decide on.

    Each is drafted once: some that got a thumb down, that were declined, whose claims were dropped, and of the others. Decide in
    the file: write accept, edit, unanswerable or reject into "decision".
    """
    from ...eval.goldsets.from_use import collect_drafts
    from ..output import results, write_json

    found = collect_drafts(logs, gold_dir, out, per_kind=per_kind, seed=seed)
    if as_json:
        write_json({"gold": str(gold_dir), "out": str(out), **asdict(found)})
        return
    added = ", ".join(f"{count} {kind}" for kind, count in found.drafts.items()) or "none"
    for line in (
        f"{out}: drafts added: {added}",
        f"{found.asked} questions asked, {found.distinct} different ones; {found.known} of those met are known already",
        f"passed over: {found.without_text} calls without their text, {found.failed} that failed",
    ):
        results.print(line, markup=False, soft_wrap=True)


def gold_drift(
    gold_dir: GoldDir,
    logs: Logs,
    program: Annotated[str | None, typer.Option(help="Compare the questions of this program alone.")] = None,
    profile: ProfileName = "embedded",
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare what users ask with what a gold set asks."""
    from ...eval.goldsets.drift import compare_with_use
    from ...eval.stats.paired import p_text
    from ..output import results, write_json
    from ..render.text import printable

    found = compare_with_use(logs, gold_dir, program=program, profile=profile, seed=seed)
    if as_json:
        write_json({"gold": str(gold_dir), **asdict(found), "differs": found.differs})
        return
    verdict = "users ask otherwise than the set does" if found.differs else "no difference is seen"
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    covered, strange = (
        f"{100 * share.mean:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"
        for share in (found.covered, found.strange_documents)
    )
    for line in (
        f"{found.asked} questions of users ({kinds}), {found.gold} of the set: {verdict}, p {p_text(found.p)}",
        f"{covered} of the users' questions are as near to the set as 19 of 20 of its own",
        f"{strange} went by a document that no question of the set is about",
        f"words of a question, median: {found.words[0]:g} of users, {found.words[1]:g} of the set",
    ):
        results.print(line, markup=False, soft_wrap=True)
    for each in found.strangest:
        results.print(
            printable(f"  {each.cosine:.2f}  {each.question}  (nearest: {each.nearest})"),
            markup=False,
            soft_wrap=True,
        )
