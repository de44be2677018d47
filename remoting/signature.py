"""What of a request is signed, and how: by clients before they send, by brokers before they act.

The content is every field's value in the order of the fields' names, then the body; the signature is its HMAC-SHA1
under the secret key, in base64. Mirrors AclUtils.combineRequestContent, AclSigner and AclClientRPCHook.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Final

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.header_fields import to_ext_fields

#: The fields that access adds to a request.
ACCESS_KEY: Final = "AccessKey"
SIGNATURE: Final = "Signature"
#: What shows who somebody is; the third one of clients of hosted instances (SessionCredentials.SECURITY_TOKEN).
CREDENTIALS: Final = frozenset({ACCESS_KEY, SIGNATURE, "SecurityToken"})
#: The field of QUERY_MESSAGE that brokers before 5.0 never sign, and later ones do unless the client is older.
UNIQUE_KEY_QUERY: Final = "_UNIQUE_KEY_QUERY"
#: MQVersion's ordinal of the last clients whose `_UNIQUE_KEY_QUERY` is not signed.
V4_9_3: Final = 399

_Values = Callable[[Mapping[str, str]], Iterable[str]]
#: The names of a request's fields, and whether `_UNIQUE_KEY_QUERY` is signed: what takes the signed values in order.
_ORDERS: Bounded[tuple[tuple[str, ...], bool], _Values] = Bounded(256)


class SigningKey:
    """A secret key, with what HMAC derives from it derived once. It never appears in a repr, a log or an error."""

    __slots__ = ("_hmac",)

    def __init__(self, secret: str) -> None:
        self._hmac = hmac.new(secret.encode(), None, "sha1")

    def __repr__(self) -> str:
        return "SigningKey()"

    def sign(self, fields: Mapping[str, str], request: RemotingCommand, *, unique_key_query: bool = True) -> str:
        """The signature of the values of these fields, in the order of their names, and of the request's body."""
        names = tuple(fields)
        values_of = _ORDERS.get((names, unique_key_query))
        if values_of is None:
            unsigned = (SIGNATURE,) if unique_key_query else (SIGNATURE, UNIQUE_KEY_QUERY)
            values_of = _in_order([name for name in names if name not in unsigned])
            _ORDERS[names, unique_key_query] = values_of
        code = self._hmac.copy()
        code.update("".join(values_of(fields)).encode("utf-8", "replace"))
        body = request.body
        for part in body if isinstance(body, list) else (body,):
            code.update(part)
        return base64.b64encode(code.digest()).decode()

    def has_signed(self, request: RemotingCommand, *, unique_key_query: bool) -> bool:
        """Whether the request's signature is this key's; in the same time wherever they differ.

        `unique_key_query`: whether the field of that name is signed too.
        """
        fields = request.ext_fields
        expected = self.sign(fields, request, unique_key_query=unique_key_query)
        return hmac.compare_digest(expected.encode(), fields.get(SIGNATURE, "").encode("utf-8", "replace"))


class AclSigner:
    """Adds AccessKey and Signature to requests; servers that check no access ignore the fields."""

    def __init__(self, access_key: str, secret_key: str) -> None:
        self._access_key = access_key
        self._key = SigningKey(secret_key)

    def __repr__(self) -> str:
        return f"AclSigner({self._access_key!r})"

    def sign(self, request: RemotingCommand) -> None:
        """Set both fields.

        A request with `_UNIQUE_KEY_QUERY` is sent as one of a 4.9.3 client, without that field in the content: brokers
        of 4.9 always leave it out (PlainAccessValidator), those of 5.x for such clients
        (DefaultAuthenticationContextBuilder).
        """
        fields = dict(request.ext_fields)
        fields.pop(SIGNATURE, None)
        fields[ACCESS_KEY] = self._access_key
        signed = {**(to_ext_fields(request.header) if request.header is not None else {}), **fields}
        if signed.pop(UNIQUE_KEY_QUERY, None) is not None:
            request.version = V4_9_3
        fields[SIGNATURE] = self._key.sign(signed, request)
        request.ext_fields = fields


def _in_order(names: list[str]) -> _Values:
    # The one value that `itemgetter` gives for one name is joined to itself.
    return itemgetter(*sorted(names)) if names else lambda _fields: ()
