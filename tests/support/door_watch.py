"""What shows that an attack at a door did something: the state of the server, and a port that must not be called."""

import socket
import threading

from tests.support.door_process import DoorProcess


class Canary:
    """A port nobody has a reason to call."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()

    def close(self) -> None:
        # Only a shutdown wakes the thread that accepts.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def state(server: DoorProcess) -> tuple[object, ...]:
    """Everything an attack could change: files, tables, rows, functions, settings."""
    files = {
        path.name: path.read_bytes() if path.is_file() else None
        for path in server.directory.iterdir()
        if path.name not in ("store", "stderr.txt")
    }
    tables = server.bare("SELECT name, engine, total_rows FROM system.tables WHERE database = 'default' ORDER BY name")
    functions = server.bare("SELECT name FROM system.functions WHERE origin != 'System'")
    return files, tables, functions, server.bare("SHOW DATABASES")
