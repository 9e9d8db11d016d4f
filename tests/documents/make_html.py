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
XHTML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr" lang="fr">
<head><title>Cantine</title><meta name="DC.creator" content="Aline Quesnel" /></head>
<body>
<h1>Cantine</h1>
<p>Le plat du jour coûte 6,40 EUR.<br />Le vendredi, c'est la brandade de Mme Quesnel.</p>
<script type="text/javascript">//<![CDATA[
document.write("<p>rien</p>");
//]]></script>
<p>Les allergènes sont affichés<span /> près de la caisse.</p>
</body>
</html>
"""

if __name__ == "__main__":
    Path("html/windows_1252.html").write_bytes(GERMAN.replace("\n", "\r\n").encode("cp1252"))
    Path("html/shift_jis.htm").write_bytes(JAPANESE.encode("cp932"))
    Path("html/strict.xhtml").write_bytes(XHTML.encode("latin-1"))
