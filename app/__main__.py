"""``python -m quincunx.app`` is ``quincunx``."""

from .cli import main

main()
