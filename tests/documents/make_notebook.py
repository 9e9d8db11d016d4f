"""Makes the notebooks; run by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "notebook"
PYTHON = {
    "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
    "language_info": {"name": "python", "version": "3.11.7"},
}
RED, PLAIN = "\x1b[0;31m", "\x1b[0m"


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def markdown(text: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": lines(text), **more}


def code(text: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "source": lines(text),
        "outputs": list(outputs),
    }


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": lines(text)}


def result(**data: Any) -> dict[str, Any]:
    kinds = {"plain": "text/plain", "html": "text/html", "markdown": "text/markdown", "png": "image/png"}
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {kinds[kind]: value for kind, value in data.items()},
    }


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


SALES = notebook(
    markdown("# Sales of the spring\n\nLarkfield Tools, by week."),
    code("import pandas as pd\n\nsales = pd.read_csv('sales.csv')  # a `tick`\n"),
    code(""),
    markdown(
        "## The best week\n\n![chart](attachment:chart.png)\n\n* sold most: **spades**",
        attachments={"chart.png": {"image/png": "iVBORw0KGgo="}},
    ),
    code(
        "print('weeks:', len(sales))\nsales.groupby('week').sum()",
        printed("wee"),
        printed("ks: 13\n"),
        printed("FutureWarning: sum will change\n", "stderr"),
        result(
            html=["<table><tr><td>never seen</td></tr></table>"],
            plain=["      kroner\n", "week        \n", "17     58412"],
        ),
    ),
    code(
        "sales.plot()",
        result(plain="<Figure size 640x480 with 1 Axes>", png="iVBORw0KGgo="),
        result(plain="<IPython.core.display.Markdown object>", markdown="**Week 17** took `58412` kroner."),
    ),
    {"cell_type": "raw", "metadata": {}, "source": "# for the printer\nThe paper is 170 grams.\n"},
    **PYTHON,
)

OLD: dict[str, Any] = {
    "metadata": {"name": "Tides"},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Tides at the quay"]},
                {"cell_type": "markdown", "metadata": {}, "source": "The *gauge* was mended in May."},
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "language": "python",
                    "metadata": {},
                    "prompt_number": 4,
                    "input": ["print highest()\n", "spring"],
                    "outputs": [
                        {"output_type": "stream", "stream": "stdout", "text": ["4.31 metres\n"]},
                        {
                            "output_type": "pyout",
                            "prompt_number": 4,
                            "html": "<b>no</b>",
                            "text": ["'spring tide on 9 March'"],
                        },
                        {"output_type": "display_data", "png": "iVBORw0KGgo=", "text": "<figure>"},
                    ],
                },
                {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Neap tides"},
            ]
        },
        {
            "cells": [
                {
                    "cell_type": "code",
                    "language": "python",
                    "metadata": {},
                    "input": "neap(",
                    "outputs": [
                        {"output_type": "pyerr", "ename": "SyntaxError", "evalue": "cut off", "traceback": []}
                    ],
                }
            ]
        },
    ],
}

ERRORS = notebook(
    markdown("Setext heading\n==============\n\nWhat went wrong in the night of the storm."),
    code(
        "load('gauge.csv')",
        {
            "output_type": "error",
            "ename": "GaugeError",
            "evalue": "the gauge stood at 7.9 bar",
            "traceback": [
                f"{RED}---------------{PLAIN}",
                f"{RED}GaugeError{PLAIN}   Traceback (most recent call last)",
                f"{RED}GaugeError{PLAIN}: the gauge stood at 7.9 \x1b[1mbar\x1b[22m \x1b]8;;x\x07link\x1b]8;;\x07",
            ],
        },
    ),
    code("for step in tqdm(range(3)): ...", printed("\r 33%\r 66%\r100% of the gauges\nbell and ```\n")),
    code("print(log)", printed("".join(f"line {number} of the log\n" for number in range(1, 400)))),
    **PYTHON,
)

FISH = notebook(
    markdown("Es gibt Fisch.\n\n~~~\nfence that nobody closed"),
    markdown("# Fangmengen\n\nGezählt von Mai bis Juli."),
    code(
        "library(dplyr)\nsumme <- function(x) sum(x)\nsumme(fang)",
        result(plain="[1] 2604", html="2604", markdown="2604 Kisten Hering"),
    ),
    kernelspec={"name": "ir", "display_name": "R", "language": "R"},
    language_info={"name": "R", "version": "4.3.1"},
    title="Fischfang 2025",
    authors=[{"name": "Maren Voss"}, {"name": "Ole Brandt"}],
)


def main() -> None:
    for name, content in {"sales": SALES, "old": OLD, "errors": ERRORS, "fish": FISH}.items():
        text = json.dumps(content, indent=1, ensure_ascii=name == "old")
        (FOLDER / f"{name}.ipynb").write_text(text + "\n", encoding="utf-8")
    whole = (FOLDER / "sales.ipynb").read_text(encoding="utf-8")
    (FOLDER / "cut_off.ipynb").write_text(whole[: len(whole) // 2], encoding="utf-8")
    (FOLDER / "prices.ipynb").write_text('{"prices": [{"article": "spade", "kroner": 249}]}\n')
    (FOLDER / "no_cells.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n'
    )
    (FOLDER / "binary.ipynb").write_bytes(b"PK\x03\x04\x14\0\0\0\x08\0")


if __name__ == "__main__":
    main()
