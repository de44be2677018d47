"""A client that signs its requests, by an account of 4.x or as a user of 5.x: both sign alike."""

from __future__ import annotations

from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner
from tests.broker.support import Session

SECRET = "a-long-secret"


class SigningClient:
    """Requests of one name; None signs nothing."""

    def __init__(self, session: Session, name: str | None, secret: str = SECRET) -> None:
        self._session = session
        self._signer = None if name is None else AclSigner(name, secret)

    async def __call__(self, code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> RemotingCommand:
        request = RemotingCommand.request(code, ext_fields=fields or {}, body=body)
        if self._signer is not None:
            self._signer.sign(request)
        return await self._session.client.invoke(self._session.address, request, 5000)
