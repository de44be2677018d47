"""The name server as its clients' address server: a GET of `/rocketmq/nsaddr` answers which name servers there are.

Off unless `addressServerPort` is set. Apache's clients and brokers read such a page when no name server is given to
them, from the host of `rocketmq.namesrv.domain` (DefaultTopAddressing); Apache has no server for it.
How such a page is served is in `remoting/http_page.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.addresses import format_address, resolve_host, split_addresses
from rocketmq_ops.remoting.http_page import PLAIN_TEXT, HttpPage, http_tls

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController

PATH: Final = "/rocketmq/nsaddr"


class AddressServer(HttpPage):
    """Listens on `bindAddress:addressServerPort` and answers the addresses as they are configured at that moment."""

    what = "address server"

    def __init__(self, controller: NamesrvController) -> None:
        tls = http_tls(controller.server, controller.tls_config)
        super().__init__(controller.server_config.bindAddress, controller.config.addressServerPort, PATH, tls)
        self._controller = controller

    def is_at(self, path: str) -> bool:
        """The page, also for clients of a unit, which ask for `nsaddr-UNIT` (DefaultTopAddressing): all units of this
        name server's clients are in its cluster."""
        return path == PATH or (path.startswith(f"{PATH}-") and "/" not in path[len(PATH) :])

    def addresses(self, reached_at: str) -> list[str]:
        """The name servers, for a client that has reached this machine at the IP address `reached_at`."""
        given = split_addresses(self._controller.config.addressServerAddresses)
        return given or [format_address(resolve_host(reached_at), self._controller.server.port)]

    async def text(self, reached_at: str) -> tuple[str, bytes]:
        """The addresses, separated by `;`."""
        # No line break behind it: not every client takes it away.
        return PLAIN_TEXT, ";".join(self.addresses(reached_at)).encode()
