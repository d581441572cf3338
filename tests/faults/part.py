"""One server as a stand sees it: to be killed, started, stopped and suspended, with a proxy that leads to it."""

from tests.faults.history import History
from tests.faults.proxy import FaultProxy
from tests.faults.servers import Server


class Part:
    """`kill` and its like are written into the history."""

    def __init__(self, server: Server, history: History) -> None:
        self._server, self._history = server, history
        self.proxy = FaultProxy(server.proxied_port, server.proxy_port)

    @property
    def name(self) -> str:
        return self._server.name

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def running(self) -> bool:
        return self._server.running

    def kill(self) -> None:
        """SIGKILL to it and to whatever it started."""
        self._server.kill()
        self._history.happened(f"killed {self.name}")

    async def start(self) -> None:
        """Return when it answers, recovery included."""
        await self._server.start()
        self._history.happened(f"started {self.name}")

    async def stop(self) -> None:
        await self._server.stop()
        self._history.happened(f"stopped {self.name}")

    def suspend(self) -> None:
        """SIGSTOP to it and to whatever it started."""
        self._server.suspend()
        self._history.happened(f"suspended {self.name}")

    def resume(self) -> None:
        self._server.resume()
        self._history.happened(f"resumed {self.name}")
