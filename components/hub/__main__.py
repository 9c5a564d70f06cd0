"""Run the hub: `python -m components.hub --home FOLDER --port 8321`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from components.hub.errors import HubError
from components.hub.server import HubServer
from components.settings.login import read_login
from components.settings.settings import SettingsError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8321


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; 1 when it cannot start."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        login = read_login(arguments.login_file)
        hub = HubServer(arguments.home, arguments.host, arguments.port, login=login)
    except (HubError, SettingsError) as error:
        sys.stderr.write(f"joulepilot hub: {error}\n")
        return 1
    with hub:
        logging.getLogger(__name__).info("serving %s on %s", arguments.home, hub.url)
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.hub",
        description="Takes what nodes send, keeps it safe, serves releases and a status page.",
    )
    parser.add_argument("--home", type=Path, required=True, help="folder that holds all state")
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on; 0: any")
    parser.add_argument(
        "--login-file",
        type=Path,
        help="file with USER:PASSWORD that everyone has to know; else everyone is let in",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
