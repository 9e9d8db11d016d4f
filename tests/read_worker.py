"""Prints how many documents a file holds, and the peak memory in MiB of reading them one at a time.

``read_worker.py FILE``
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from quincunx.retrieval.text.readers.reader import SourceFile
from quincunx.retrieval.text.readers.tables.csv_table import CsvReader
from quincunx.retrieval.text.readers.tables.json_records import JsonReader

path = Path(sys.argv[1])
reader = CsvReader() if path.suffix in CsvReader.suffixes else JsonReader()
count = sum(1 for _ in reader.read(SourceFile(path, id="x")))
# The peak that getrusage tells is, on Linux, no less than that of the process that started this one.
[peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
sys.stdout.write(json.dumps([count, round(int(peak) / 1024)]))
