"""Running the service until it is told to stop."""

from __future__ import annotations

import logging

import uvicorn

from .application import create_app
from .log import call_logger, log_as_json
from .service import Service
from .settings import ServeSettings

logger = logging.getLogger(__name__)


def run_server(settings: ServeSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests that were accepted end first, as long as they may take.

    Raises:
        QuincunxError: what `Service.load` raises.
    """
    log_as_json()
    if not settings.is_loopback and settings.keys_file is None:
        logger.warning("%s is reached from other machines, and no keys are asked for", settings.host)
    service = Service(settings, on_call=call_logger(texts=settings.log_texts))
    failed: list[BaseException] = []

    def give_up(error: BaseException) -> None:
        failed.append(error)
        server.should_exit = True

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(service, give_up),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.limits.drain_seconds),
        )
    )
    server.run()
    if failed:
        raise failed[0]
