"""A JVM that a test drives by Py4J's gateway, in its line protocol: no Java of our own has to be compiled.

    process, gateway = start_jvm("Spark", ["-Xmx800m"], [lib], data_dir)
    gateway.call("z:java.lang.Math", "max", "i1", "i2")     "2"

Source: the protocol of Py4J (py4j/protocol.py): a command's lines, each part with a letter for its type, ended by ``e``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services.processes import (
    ServerFailed,
    ServerProcess,
    accepts,
    free_ports,
    start_process,
    wait_until,
)
from tests.services.scratch import Scratch

_MAIN = "py4j.GatewayServer"
_QUICK = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true"]
_WAIT_S = 120
_SHOWN = 4000  # characters of a message


class CallFailed(Exception):
    """A method failed in the JVM, or there is none of that name and arguments; the message is Java's."""


class Gateway:
    """Calls of methods in the JVM: a target is a class (``z:name``) or an object (``o5``), as an answer names it.

    An argument has the letter of its type in front: ``ro5`` an object, ``i5`` a number, ``btrue``; ``quoted`` gives a text.
    """

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_WAIT_S)
        self._lines = self._socket.makefile("rw", encoding="utf-8", newline="\n")
        self._ask("A", token, end="")

    def close(self) -> None:
        """Let go of the connection."""
        self._lines.close()
        self._socket.close()

    def call(self, target: str, method: str, *arguments: str) -> str:
        """What the method returns: the name of an object, a text, or a number as text; nothing for null.

        Raises:
            CallFailed: It failed.
        """
        return self._answer("c", target, method, *arguments)

    def new(self, kind: str, *arguments: str) -> str:
        """An object of a class."""
        return self._answer("i", kind, *arguments)

    def set_field(self, target: str, field: str, value: str) -> None:
        """Give a public field of an object a value."""
        self._answer("f", "s", target, field, value)

    def array(self, kind: str, *values: str) -> str:
        """An array of a class, of arguments."""
        made = self._answer("a", "c", quoted(kind), f"i{len(values)}")
        for index, value in enumerate(values):
            self._answer("a", "s", made, f"i{index}", value)
        return made

    def forget(self, *objects: str) -> None:
        """Let the JVM collect these objects."""
        for one in objects:
            self._answer("m", "d", one)

    def _answer(self, *parts: str) -> str:
        told = self._ask(*parts)
        if told.startswith("!xr"):
            said = self._ask("c", told.removeprefix("!xr"), "toString").removeprefix("!ys")
            raise CallFailed(unquoted(said)[:_SHOWN])
        if not told.startswith("!y"):
            raise CallFailed(unquoted(told[3:])[:_SHOWN] or "the JVM closed the connection")
        return unquoted(told[3:])  # !y, and the letter of its type

    def _ask(self, *parts: str, end: str = "e\n") -> str:
        self._lines.write("".join(f"{part}\n" for part in parts) + end)
        self._lines.flush()
        return self._lines.readline().rstrip("\n")


class JvmService:
    """A JVM that runs what is in the jars of some directories; gone, data included, when the context ends. Says what by ``what``."""

    what: str
    options: Sequence[str] = ()  # of Java

    def __init__(self, scratch: Scratch, *libs: Path) -> None:
        self._libs, self._scratch, self.data_dir = libs, scratch, scratch.path
        self._process: ServerProcess | None = None
        self._gateway: Gateway | None = None

    def __enter__(self) -> Self:
        try:
            self._process, self._gateway = start_jvm(self.what, self.options, self._libs, self.data_dir)
            self._open()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Process id of the JVM, none while it is stopped."""
        return [self._process.pid] if self._process else []

    @property
    def gateway(self) -> Gateway:
        """The way to it.

        Raises:
            ServerFailed: It is stopped.
        """
        if self._gateway is None:
            raise ServerFailed(f"{self.what} is stopped")
        return self._gateway

    def stop(self) -> None:
        """End the JVM and remove its data. Idempotent."""
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._scratch.remove()

    def _open(self) -> None:
        """What there is to do once it is up."""


def start_jvm(what: str, options: Sequence[str], libs: Sequence[Path], data_dir: Path) -> tuple[ServerProcess, Gateway]:
    """Start a JVM with the jars of some directories, and connect to it: on loopback, with a token that it alone chose."""
    port, log = free_ports(1)[0], data_dir / "jvm.log"
    main = ["-cp", ":".join(f"{lib}/*" for lib in libs), _MAIN, "--enable-auth", str(port)]
    process = start_process(["java", *_QUICK, *options, *main], log=log, cwd=data_dir)
    try:
        up = lambda: accepts(port) and len(log.read_text().splitlines()) > 1  # noqa: E731
        wait_until(up, what=what, seconds=60, processes=[process])
        return process, Gateway(port, log.read_text().splitlines()[1].strip())  # the first line is the port
    except BaseException:
        process.kill()
        raise


def quoted(text: str) -> str:
    """A text as an argument."""
    return "s" + text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def unquoted(text: str) -> str:
    """A text of an answer."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)
