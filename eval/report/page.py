"""The page of an evaluation run: one HTML file that asks nothing of any network.

Its own style and script stand in it, allowed by their hashes; everything else is forbidden to it. What a reader
must see stands in the HTML itself; the questions come as JSON that the script shows, as text and never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ...retrieval.storage.disk import publish_file, storing
from ..metrics.records import Report
from ..stats.paired import p_text
from . import charts
from .packing import pack, script_json

FOLDER = Path(__file__).parent
SCRIPTS = ("core.js", "table.js", "detail.js", "start.js")
"""In the order they run; together they are one script."""
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character, which no file can hold."""
DASH = "–"


def render_run_page(report: Report) -> str:
    """Return the page as HTML that can be written as UTF-8."""
    script = '"use strict";\n(() => {\n' + "".join(map(_source, SCRIPTS)) + "})();\n"
    return render_page(
        "page.html.j2",
        report=report,
        deltas=charts.delta_chart(report),
        latency=charts.latency_chart(report),
        charts=charts,
        # Both come from this folder and the JSON is escaped, so neither can close its element.
        script=Markup(script),
        script_hash=_content_hash(script),
        data=Markup(script_json(pack(report))),
    )


def render_page(template: str, *, script_hash: str = "", **values: Any) -> str:
    """Return a page of a template of this folder, in the style of all pages, as HTML that can be written as UTF-8."""
    style = _source("page.css")
    html = _template(template).render(
        style=Markup(style), style_hash=_content_hash(style), script_hash=script_hash, **values
    )
    return LONE_SURROGATE.sub("\ufffd", html)


def publish_page(path: str | Path, html: str) -> None:
    """Write a page; a reader of the path finds the old one or the new one, never a part.

    Raises:
        StorageError: the disk refuses; then the old page stands.
    """
    path = Path(path)
    with storing(path):
        publish_file(path, [memoryview(html.encode())])


def _template(name: str) -> jinja2.Template:
    """Return a template, with the filters that write numbers."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "signed": signed,
        "chance": chance,
        "count": count,
        "percent": percent,
        "time": time,
        "whisker": charts.whisker,
    }
    return environment.get_template(name)


def number(value: float | None, digits: int = 3) -> str:
    """Return a fraction with fixed digits, so that columns line up."""
    return DASH if value is None else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Return a difference with its sign; 0 has none."""
    return DASH if value is None else f"{value:+.{digits}f}".replace("-", "−") if value else number(0, digits)


def chance(value: float | None) -> str:
    """Return a p value."""
    return DASH if value is None else "< 0.0001" if value < 0.0001 else p_text(value, least="4f")


def count(value: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,}"


def percent(part: int, whole: int) -> str:
    """Return a share; a dash where there is nothing to share."""
    return f"{100 * part / whole:.1f} %" if whole else DASH


def time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.1f} s"


def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _content_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
