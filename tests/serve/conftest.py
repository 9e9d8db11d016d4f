"""The service of the three canons that tests share which only ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_service import running

from quincunx.retrieval.storage.home import HOME_VARIABLE


@pytest.fixture(scope="session")
def shared_service(canons_folder: Path) -> Iterator[httpx.Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(canons_folder))
        with running() as client:
            yield client


@pytest.fixture
def service(shared_service: httpx.Client, canons: Path) -> httpx.Client:
    """A client of a service with the three canons and the extractive engine."""
    return shared_service
