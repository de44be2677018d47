"""Clients of other languages that stay, and send and consume as they are told: `go/session.go`, `node/session.js`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.interop import toolchain
from tests.interop.apache import wait_until
from tests.interop.processes import Child

HERE = Path(__file__).parent
LANGUAGES = ("go", "node")


class Answer(NamedTuple):
    """What came of a send: `status` as Java names it, with the broker's name; or why it was `refused`."""

    status: str
    broker: str = ""
    refused: str = ""


def _program(language: str) -> list[str]:
    if language == "go":
        toolchain.need("go", "the Go client needs a Go toolchain, 1.21 or newer")
        return [str(toolchain.go_driver(HERE / "go")), "session"]
    toolchain.need("npm", "the Node client needs Node.js with npm")
    return [shutil.which("node") or "node", str(toolchain.node_driver(HERE / "node").parent / "session.js")]


class Session:
    """A producer and a consumer, one of each, until the end of the block."""

    def __init__(self, language: str, scratch: Path, namesrv: str, topic: str, group: str) -> None:
        words = [*_program(language), namesrv, topic, group]
        self._child = Child(f"{language} client", words, cwd=scratch, env={"HOME": str(scratch)}, stdin=True)
        self._child.wait_for("ready", 60)

    def _tell(self, line: str) -> None:
        stdin = self._child.process.stdin
        assert stdin is not None
        stdin.write(f"{line}\n".encode())
        stdin.flush()

    def begin(self, texts: list[str], where: str = "any", size: int = 0) -> None:
        """Send messages, at the same time: to a broker, or to any."""
        for text in texts:
            self._tell(f"send {where} {text}" + (f" {size}" if size else ""))

    def answers(self, texts: list[str], timeout: float = 60.0) -> list[Answer]:
        """What came of the sends of these, once all have an end."""

        def ended() -> list[Answer]:
            found: dict[str, Answer] = {}
            for line in self._child.output.splitlines():
                word, _, rest = line.partition(" ")
                text, _, told = rest.partition(" ")
                if word == "sent":
                    found[text] = Answer(*told.split(" "))
                elif word == "refused":
                    found[text] = Answer("", refused=told)
            return [found[text] for text in texts] if found.keys() >= set(texts) else []

        answers: list[Answer] = wait_until(ended, f"{len(texts)} sends have an end", timeout)
        return answers

    def send(self, texts: list[str], where: str = "any", size: int = 0) -> list[Answer]:
        """Send messages one after the other."""
        found = []
        for text in texts:
            self.begin([text], where, size)
            found += self.answers([text])
        return found

    def got(self) -> list[str]:
        """What the consumer's listener got, in its order."""
        return [line.removeprefix("got ") for line in self._child.output.splitlines() if line.startswith("got ")]

    def go_on(self) -> None:
        """Let the listener return from a message `hold`."""
        self._tell("go on")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
