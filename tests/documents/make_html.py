"""Makes the pages of tests/documents/html that are not UTF-8; the others are written by hand. Run it from this folder."""

from __future__ import annotations

from pathlib import Path

GERMAN = """<html><head><title>Schlüsselausgabe</title></head><body>
<h1>Schlüsselausgabe</h1>
<p>Der Schlüssel für das Archiv wird nur gegen Unterschrift ausgegeben – und zwar bei Frau Öhlschläger, Zimmer 204.</p>
<p>Für verlorene Schlüssel fällt eine Gebühr von 35 € an. Wer ihn später als „übermorgen“ zurückgibt, zahlt für
jeden weiteren Tag zusätzlich 2 €.</p>
</body></html>
"""
JAPANESE = """<!DOCTYPE html>
<html lang="ja"><head><meta charset="Shift_JIS"><title>社員食堂のご案内</title></head><body>
<h1>社員食堂のご案内</h1>
<p>食堂は本館の三階にあります。営業時間は十一時二十分から十四時までです。</p>
<table><tr><th>献立</th><th>値段</th></tr><tr><td>日替わり定食</td><td>四百八十円</td></tr><tr><td>カレーライス</td><td>三百九十円</td></tr></table>
<p>水曜日はお弁当の予約を受け付けていません。</p>
</body></html>
"""

if __name__ == "__main__":
    Path("html/windows_1252.html").write_bytes(GERMAN.replace("\n", "\r\n").encode("cp1252"))
    Path("html/shift_jis.htm").write_bytes(JAPANESE.encode("cp932"))
    strict = Path("html/strict.xhtml")
    text = strict.read_bytes().decode("utf-8", "ignore").replace("€", "EUR")
    strict.write_bytes(text.encode("latin-1"))
