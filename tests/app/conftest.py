"""The service of the three canons that tests of its clients share which only ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_service import running

from quincunx.retrieval.storage.home import HOME_VARIABLE


@pytest.fixture(scope="session")
def service_address(canons_folder: Path) -> Iterator[str]:
    """Where a service with the three canons and the extractive engine answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(canons_folder))
        with running() as client:
            yield str(client.base_url).rstrip("/")
