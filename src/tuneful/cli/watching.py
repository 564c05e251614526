"""`tuneful watch`: the page of a run in a browser, while the run goes on."""

import os
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path

from tuneful.errors import UserError
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.watching.doing import doing_in
from tuneful.runs.watching.server import HERE, WatchServer

LOOK = 0.1  # seconds between two looks for a signal


def run_watch(folder: Path, port: int | None, browser: bool) -> None:
    """Serve the page of a folder until somebody ends it.

    Raises
    ------
    UserError
        If there is no folder, or the port cannot be had.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "is not there"
        raise UserError(f"{folder} {what}: name the folder of a run, such as runs/m1-0, once the run has begun.")
    with WatchServer(folder, port) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK}, daemon=True)
        serving.start()
        _tell(folder, server)
        if browser and _has_screen():
            webbrowser.open(server.url)
        try:
            while not asked_to_stop():
                time.sleep(LOOK)
        except KeyboardInterrupt:
            pass
        server.shutdown()


def _tell(folder: Path, server: WatchServer) -> None:
    print(f"{doing_in(folder).words}\nwatching {folder}: {server.url}   (Ctrl-C ends it)", flush=True)
    if "SSH_CONNECTION" in os.environ:
        port = server.server_port
        print(
            f"from your own machine: ssh -L {port}:{HERE}:{port} {socket.gethostname()}, then that address",
            flush=True,
        )


def _has_screen() -> bool:
    """Whether a browser could be seen here; without one, some systems would open one in this terminal."""
    if "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
