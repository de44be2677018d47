"""Which faults a seed brings, and when: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

#: A process dies (SIGKILL) and comes back; is shut down (SIGTERM) and comes back; stands still (SIGSTOP) and goes on;
#: its connections are closed and new ones refused, a server's from everybody, a client's to all servers; nothing gets
#: through, and then all of it.
KILL, STOP, PAUSE, CUT, HANG = "kill", "stop", "pause", "cut", "hang"
#: A master is cut off from its slave, and from nobody else.
PART = "part"
#: Over TLS: a server's certificate is replaced, its key somewhat later; strangers begin handshakes and end none.
RENEW, STRANGERS = "renew", "strangers"
OF_SERVERS = (KILL, KILL, STOP, PAUSE, CUT, HANG)
OF_SERVERS_OVER_TLS = (*OF_SERVERS, RENEW, RENEW, STRANGERS, STRANGERS)
OF_MASTERS_WITH_SLAVES = (PART, PART)
OF_CLIENTS = (KILL, STOP, PAUSE, CUT)


class Fault(NamedTuple):
    """One fault: `at` seconds after the load began, over after `seconds` more."""

    at: float
    seconds: float
    kind: str
    target: str

    @property
    def end(self) -> float:
        return self.at + self.seconds


def faults(
    seed: int,
    seconds: float,
    servers: Sequence[str],
    clients: Sequence[str],
    *,
    tls: bool = False,
    with_slaves: Sequence[str] = (),
) -> list[Fault]:
    """About one fault a second within `seconds`; a target has one at a time, and servers have three quarters of them.
    `with_slaves`: the servers that are masters of others."""
    of_servers = OF_SERVERS_OVER_TLS if tls else OF_SERVERS
    rng = random.Random(seed)
    found: list[Fault] = []
    at = 1.0
    while at < seconds:
        of_server = rng.random() < 0.75
        target = rng.choice(servers if of_server else clients)
        more = OF_MASTERS_WITH_SLAVES if target in with_slaves else ()
        kind = rng.choice((*of_servers, *more) if of_server else OF_CLIENTS)
        fault = Fault(round(at, 2), round(rng.uniform(0.2, 3.0), 2), kind, target)
        if all(other.target != target or other.end + 0.3 < fault.at for other in found):
            found.append(fault)
        at += rng.uniform(0.4, 1.6)
    return found
