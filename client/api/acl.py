"""Signing of requests with an access key, as Apache's AclClientRPCHook does; brokers without ACL ignore the fields."""

from __future__ import annotations

import base64
import hmac

from rocketmq_ops.client.api.versions import V4_9_3
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.header_fields import to_ext_fields

#: The field of QUERY_MESSAGE that brokers before 5.0 never sign, and later ones do unless the client is older.
UNIQUE_KEY_QUERY = "_UNIQUE_KEY_QUERY"


class AclSigner:
    """Adds AccessKey and Signature. The secret key never appears in a repr, a log or an error."""

    def __init__(self, access_key: str, secret_key: str) -> None:
        self._access_key = access_key
        self._secret = secret_key.encode()

    def __repr__(self) -> str:
        return f"AclSigner({self._access_key!r})"

    def sign(self, request: RemotingCommand) -> None:
        """Set both fields. The content is every field's value in the order of the names, then the body.

        A request with `_UNIQUE_KEY_QUERY` is sent as one of a 4.9.3 client, without that field in the content: brokers
        of 4.9 always leave it out (PlainAccessValidator), those of 5.x for such clients
        (DefaultAuthenticationContextBuilder).
        """
        fields = dict(request.ext_fields)
        fields.pop("Signature", None)
        fields["AccessKey"] = self._access_key
        signed = {**(to_ext_fields(request.header) if request.header is not None else {}), **fields}
        if signed.pop(UNIQUE_KEY_QUERY, None) is not None:
            request.version = V4_9_3
        content = "".join(signed[name] for name in sorted(signed)).encode() + request.body_bytes
        digest = hmac.new(self._secret, content, "sha1").digest()
        fields["Signature"] = base64.b64encode(digest).decode()
        request.ext_fields = fields
