"""A mail server in memory: speaks SMTP, keeps what it has taken, and lets its clients down as real ones do."""

import re
from collections.abc import Callable
from contextlib import suppress

from chassis.testing.simulation.network import Network, Peer
from chassis.testing.simulation.world import World

GOOD = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "RSET": "250 ok", "DOT": "250 taken"}
BAD = {
    "MAIL": ("421 closing", "451 later", "reset", "silence"),
    "RCPT": ("450 greylisted", "550 5.1.1 nobody", "reset", "silence"),
    "DATA": ("451 later", "554 5.7.1 no", "reset", "silence"),
    "BODY": ("reset",),
    "DOT": (
        "451 later",
        "452 full",
        "554 5.7.1 spam",
        "reset",
        "silence",
        "taken, reset",
        "taken, silence",
        "taken, late",
    ),
}
MESSAGE_ID = re.compile(rb"Message-ID: <([^>]+)>")


class MailServer:
    """`taken` holds the Message-IDs in the order in which their final dot was accepted."""

    def __init__(self, world: World, network: Network) -> None:
        self.taken: list[str] = []
        self.silent: set[str] = set()
        """Of which mails the final dot had no answer, or a late one."""
        self.away = False
        self.badness = 0.0
        """How probable it is that a step goes wrong."""
        self.on_taken: Callable[[str], None] = lambda _: None
        self._world = world
        network.listen("mail", 25, self._accept)

    def _accept(self, peer: Peer) -> "Dialogue | None":
        return None if self.away else Dialogue(self, peer, self._world)

    def says(self, step: str) -> str:
        chance = self._world.chance
        if step in BAD and chance.random() < self.badness:
            return chance.choice(BAD[step])
        return GOOD.get(step, "250 ok")

    def take(self, message: bytes) -> None:
        """The final dot was accepted: from now on the mail is this server's."""
        message_id = message_id_of(message)
        self._world.note(f"the mail server has taken {message_id}")
        self.taken.append(message_id)
        self.on_taken(message_id)


def message_id_of(text: bytes) -> str:
    found = MESSAGE_ID.search(text)
    return found.group(1).decode() if found else "none"


class Dialogue:
    """One connection."""

    def __init__(self, server: MailServer, peer: Peer, world: World) -> None:
        self._server = server
        self._peer = peer
        self._world = world
        self._text = b""
        self._in_body = False
        self._over = False
        self._say("220 mail")

    def data_received(self, data: bytes) -> None:
        self._text += data
        while not self._over and (self._body() if self._in_body else self._command()):
            pass

    def connection_lost(self) -> None:
        self._over = True

    def _command(self) -> bool:
        line, end, rest = self._text.partition(b"\r\n")
        if not end:
            return False
        self._text = rest
        word = line[:4].decode().upper()
        if word == "EHLO":
            self._say("250-mail\r\n250 PIPELINING" if self._world.chance.random() < 0.5 else "250 mail")
        elif word == "QUIT":
            self._peer.close()
            self._over = True
        else:
            answer = self._server.says(word)
            self._in_body = answer.startswith("354")
            self._answer(answer)
        return True

    def _body(self) -> bool:
        if self._text and self._server.says("BODY") == "reset":
            self._server.silent.add(message_id_of(self._text))  # the dot may be on its way already
            self._answer("reset")
            return False
        message, end, rest = self._text.partition(b"\r\n.\r\n")
        if not end:
            return False
        self._text, self._in_body = rest, False
        answer = self._server.says("DOT")
        self._world.note(f"answer to the dot: {answer}")
        if answer.startswith(("250", "taken")):
            self._server.take(message)
        if answer.endswith(("reset", "silence", "late")):
            self._server.silent.add(message_id_of(message))
        if answer == "taken, late":
            seconds = self._world.chance.uniform(30, 300)
            self._world.loop.call_later(seconds, self._say, "250 taken at last")
        else:
            self._answer(answer.removeprefix("taken, "))
        return True

    def _answer(self, answer: str) -> None:
        if answer == "reset":
            self._over = True
            self._peer.reset()
        elif answer != "silence":
            self._say(answer)
            if answer.startswith("421"):
                self._over = True
                self._peer.close()

    def _say(self, answer: str) -> None:
        with suppress(IndexError):
            self._peer.send(answer.encode() + b"\r\n")
