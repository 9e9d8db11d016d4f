"""Questions about the handbook of these tests, as a gold set: each with the page that answers it."""

from __future__ import annotations

import json
from pathlib import Path

from quincunx.retrieval.corpus.beir import document_record
from quincunx.retrieval.corpus.reading import read_documents

HANDBOOK = Path(__file__).parent / "handbook"
QUESTIONS = {
    "train": {
        "how many days off do I get each year": "leave",
        "until when can unused holidays be carried over": "leave",
        "from which day on is a doctor's note needed": "sickness",
        "do sick days count as leave": "sickness",
        "how often are new laptops handed out": "equipment",
        "whom do I tell when I lost my phone": "equipment",
        "where are passwords kept": "security",
        "what do visitors have to wear": "security",
        "does the canteen have vegan food": "",
    },
    "dev": {
        "can I work from abroad": "remote",
        "how many days a week may be worked from home": "remote",
        "when do receipts have to be handed in": "expenses",
        "how much may a hotel cost a night": "expenses",
        "how long may parents take parental leave": "parental",
        "when is parental leave to be announced": "parental",
        "may I bring my dog": "",
    },
    "test": {
        "what does the company pay into the pension fund": "pension",
        "when is core time": "hours",
        "what happens with overtime": "hours",
        "over how many months are bicycles leased": "bikes",
        "are exam fees paid back": "training",
        "how long is the trial period": "onboarding",
        "how do I become a member of the works council": "",
    },
}


def write_handbook_gold(folder: Path) -> Path:
    """Write the gold set and return its folder."""
    (folder / "qrels").mkdir(parents=True)
    documents = [document_record(document) for document in read_documents([HANDBOOK])]
    ids = {Path(document["_id"]).stem: document["_id"] for document in documents}
    questions = []
    for split, asked in QUESTIONS.items():
        rows = ["query-id\tcorpus-id\tscore"]
        for number, (text, page) in enumerate(asked.items()):
            id = f"{split}-{number}"
            facts = {"program": "policy_answer", "kind": "plain", "answerable": bool(page), "split": split}
            questions.append({"_id": id, "text": text, "metadata": facts})
            rows += [f"{id}\t{ids[page]}\t1"] if page else []
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(rows) + "\n")
    for name, records in (("corpus", documents), ("queries", questions)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder
