# A line to a server that can be cut and mended, or that breaks after so many bytes.

from __future__ import annotations

import socket
import threading


class Line:
    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._whole = threading.Event()
        self._whole.set()
        self._open: list[socket.socket] = []
        # After how many bytes the next connections break, on each way.
        self.up: list[int] = []
        self.down: list[int] = []
        self.connections = self.breaks = self.refused = 0
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        # What is on its way is lost, and nobody gets through.
        self._whole.clear()
        close(*self._open)

    def mend(self) -> None:
        self._whole.set()

    def end(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole.is_set():
                self.refused += 1
                near.close()
                continue
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._port))
            self._open += [near, far]
            for source, target, limits in ((near, far, self.up), (far, near, self.down)):
                asked = (source, target, limits)
                threading.Thread(target=self._pump, args=asked, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, limits: list[int]) -> None:
        carried = 0
        try:
            while data := source.recv(65_536):
                target.sendall(data)
                carried += len(data)
                if limits and carried >= limits[0]:
                    limits.pop(0)
                    self.breaks += 1
                    break
        except OSError:
            pass
        close(source, target)


def close(*ends: socket.socket) -> None:
    for one in ends:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()
