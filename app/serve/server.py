"""Running the service until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading

import uvicorn

from ...retrieval.errors import QuincunxError
from .application import create_app
from .listening import server_config
from .log import call_logger, log_as_json
from .problems import Problem
from .service import Service
from .settings import ServeSettings

logger = logging.getLogger(__name__)


def run_server(settings: ServeSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests that were accepted end first, as long as they may take.

    SIGHUP loads anew what is served.

    Raises:
        QuincunxError: what `Service` and `Service.load` raise.
    """
    log_as_json()
    if not settings.is_loopback and settings.keys_file is None:
        logger.warning("%s is reached from other machines, and no keys are asked for", settings.host)
    service = Service(settings, on_call=call_logger(texts=settings.log_texts))
    failed: list[BaseException] = []

    def give_up(error: BaseException) -> None:
        failed.append(error)
        server.should_exit = True

    server = uvicorn.Server(server_config(create_app(service, give_up), settings))
    # Once all has ended, uvicorn raises SIGTERM again: with this handler it ends nothing, and the exit status stays 0.
    signal.signal(signal.SIGTERM, server.handle_exit)
    # The work waits for no request, and holds none up: it has a thread of its own.
    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=_reload, args=(service,)).start())
    server.run()
    if failed:
        raise failed[0]


def _reload(service: Service) -> None:
    try:
        service.reload()
    except QuincunxError as error:
        logger.error("nothing was changed: %s", error)
    except Problem as problem:
        logger.error("nothing was changed: %s", problem.detail)
