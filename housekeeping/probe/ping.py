"""Whether a server answers, and what it is: the health check of a container.

One plain socket and requests that change nothing. Nothing is imported that a bare interpreter would notice: a health
check runs every few seconds on every machine. So frames are made and read here by hand, of the little that is needed;
`remoting/frame_codec.py` has the whole of it.
"""

from __future__ import annotations

import socket
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from ssl import SSLContext

#: RequestCode of what is asked, and the ResponseCodes that tell the kinds of servers apart; a test compares them.
GET_BROKER_CONFIG, GET_BROKER_RUNTIME_INFO, GET_BROKER_CLUSTER_INFO = 26, 28, 106
SUCCESS, REQUEST_CODE_NOT_SUPPORTED = 0, 3
NAME_SERVER, BROKER, OTHER = "name server", "broker", "server of another kind"

#: Bytes of an answer at most; a name server of 10,000 brokers answers with less.
_MOST = 16 << 20
_LENGTHS = struct.Struct(">II")


class PingError(Exception):
    """Why a server is not well, in a sentence."""


class Answer:
    """The code and the body of one answer."""

    __slots__ = ("body", "code")

    def __init__(self, code: int, body: bytes) -> None:
        self.code = code
        self.body = body


class Pinged:
    """What one server answered. `millis`: from before the connection to the last answer."""

    __slots__ = ("address", "kind", "millis", "problem", "version")

    def __init__(self, address: str) -> None:
        self.address = address
        self.kind: str | None = None
        self.version: str | None = None
        self.millis: float | None = None
        #: Why it is not well; None where it is.
        self.problem: str | None = None


class Registration:
    """Where a broker is registered: the address that it advertises, and which name servers list that.

    `asked` has each name server, with True, False, or why it could not be asked. `problem`: why there is nothing.
    """

    __slots__ = ("advertised", "asked", "broker", "problem")

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.advertised = broker
        self.asked: dict[str, bool | str] = {}
        self.problem: str | None = None


def ping(address: str, host: str, port: int, timeout_ms: int, tls: SSLContext | None = None) -> Pinged:
    """Ask the server at `address`, which is this host and port, what it is. What fails is the result's `problem`."""
    found = Pinged(address)
    begun = time.perf_counter()
    try:
        answers = ask(host, port, (GET_BROKER_CLUSTER_INFO, GET_BROKER_RUNTIME_INFO), timeout_ms, tls)
    except PingError as error:
        found.problem = str(error)
        return found
    found.millis = (time.perf_counter() - begun) * 1000
    runtime = answers[-1]
    if len(answers) == 1:
        found.kind = NAME_SERVER
    elif runtime.code == REQUEST_CODE_NOT_SUPPORTED:
        found.kind = OTHER
    else:  # a refusal is an answer too: who checks its health need not have an account
        found.kind = BROKER
        found.version = _text_of(runtime.body, b'"brokerVersionDesc":"')
    return found


def registration(
    address: str,
    host: str,
    port: int,
    name_servers: Iterable[tuple[str, str, int]],
    timeout_ms: int,
    tls: SSLContext | None = None,
) -> Registration:
    """Whether each of `name_servers` (as written, host, port) lists the broker under the address that it advertises.

    Without any, those of the broker's own `namesrvAddr` are asked. A broker that does not show its configuration is
    looked for under `address`.
    """
    found = Registration(address)
    try:
        config = ask(host, port, (GET_BROKER_CONFIG,), timeout_ms, tls)[0]
    except PingError as error:
        found.problem = str(error)
        return found
    settings = _settings(config.body) if config.code == SUCCESS else {}
    if settings.get("brokerIP1") and settings.get("listenPort"):
        found.advertised = f"{settings['brokerIP1']}:{settings['listenPort']}"
    wanted = list(name_servers) or _name_servers_of(settings.get("namesrvAddr", ""))
    if not wanted:
        found.problem = "no name server is given, and the broker shows none of its own"
        return found
    listed = f'"{found.advertised}"'.encode()
    for name, ns_host, ns_port in wanted:
        try:
            answer = ask(ns_host, ns_port, (GET_BROKER_CLUSTER_INFO,), timeout_ms, tls)[0]
        except PingError as error:
            found.asked[name] = str(error)
            continue
        found.asked[name] = listed in answer.body if answer.code == SUCCESS else f"{name} is not a name server"
    return found


def ask(host: str, port: int, codes: tuple[int, ...], timeout_ms: int, tls: SSLContext | None = None) -> list[Answer]:
    """The answers to requests without fields, one after the other over one connection, up to the first success.

    A name server of 4.9 does not answer what it does not know: nothing more is asked than has to be. Raises PingError.
    """
    end = time.monotonic() + timeout_ms / 1000
    answers: list[Answer] = []
    try:
        connection = socket.create_connection((host, port), timeout_ms / 1000)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=host)
        with connection:
            for opaque, code in enumerate(codes):
                connection.sendall(_frame(code, opaque))
                number, answer = _read(connection, end)
                if number != opaque:
                    raise PingError("what answers there does not speak RocketMQ's protocol")
                answers.append(answer)
                if answer.code == SUCCESS:
                    break
        return answers
    except socket.gaierror as error:
        raise PingError(f"the host name '{host}' is not known ({error.strerror})") from None
    except TimeoutError:
        raise PingError(f"no answer within {timeout_ms} ms") from None
    except OSError as error:
        raise PingError((error.strerror or str(error)).lower()) from None


def _frame(code: int, opaque: int) -> bytes:
    """A request without fields and body (RemotingCommand.encodeHeader, JSON)."""
    header = b'{"code":%d,"flag":0,"language":"PYTHON","opaque":%d,"version":0}' % (code, opaque)
    return _LENGTHS.pack(4 + len(header), len(header)) + header


def _read(connection: socket.socket, end: float) -> tuple[int, Answer]:
    """One frame: its number and what it says. The header is JSON, as the request's was."""
    total, mark = _LENGTHS.unpack(_exactly(connection, 8, end))
    length = mark & 0xFFFFFF
    if mark >> 24 or not length <= total - 4 <= _MOST:
        raise PingError("what answers there does not speak RocketMQ's protocol")
    content = _exactly(connection, total - 4, end)
    header = content[:length]
    code, opaque = _number_of(header, b'"code":'), _number_of(header, b'"opaque":')
    if code is None or opaque is None:
        raise PingError("what answers there does not speak RocketMQ's protocol")
    return opaque, Answer(code, content[length:])


def _exactly(connection: socket.socket, size: int, end: float) -> bytes:
    content = bytearray()
    while len(content) < size:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(min(size - len(content), 1 << 16))
        if not part:
            raise PingError("the connection was closed before an answer came")
        content += part
    return bytes(content)


def _number_of(header: bytes, key: bytes) -> int | None:
    """The number behind a key of the header; what is quoted has its quotes escaped, so no remark is taken for one."""
    at = header.find(key)
    digits = header[at + len(key) : at + len(key) + 11].lstrip()
    end = 0
    while end < len(digits) and digits[end : end + 1] in b"-0123456789":
        end += 1
    return int(digits[:end]) if at >= 0 and end else None


def _text_of(body: bytes, key: bytes) -> str | None:
    """The text behind a key of the body, up to its closing quote."""
    _, there, rest = body.partition(key)
    return rest.partition(b'"')[0].decode(errors="replace") if there else None


def _settings(body: bytes) -> dict[str, str]:
    """What GET_BROKER_CONFIG answers: a line `key=value` for each setting (MixAll.properties2String)."""
    pairs = (line.partition("=") for line in body.decode(errors="replace").splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _name_servers_of(setting: str) -> list[tuple[str, str, int]]:
    parts = [part.strip() for part in setting.split(";")]
    ends = [(part, *part.rpartition(":")[::2]) for part in parts if part]
    return [(part, host.strip("[]"), int(port)) for part, host, port in ends if port.isdigit()]
