"""Configuration keys of users and ACLs (AuthConfig): each key, its type and Apache's default.

They are read at the start alone, and no request shows or changes them: two of them hold secret keys.
"""

from __future__ import annotations

import json
from typing import Annotated

from rocketmq_ops.common.config import ConfigClass, ConfigError, Refused, Used

_APACHES = "org.apache.rocketmq.auth."
_BUILT_IN = frozenset(
    {
        f"{_APACHES}authentication.provider.DefaultAuthenticationProvider",
        f"{_APACHES}authentication.provider.LocalAuthenticationMetadataProvider",
        f"{_APACHES}authentication.strategy.StatelessAuthenticationStrategy",
        f"{_APACHES}authentication.strategy.StatefulAuthenticationStrategy",
        f"{_APACHES}authorization.provider.DefaultAuthorizationProvider",
        f"{_APACHES}authorization.provider.LocalAuthorizationMetadataProvider",
        f"{_APACHES}authorization.strategy.StatelessAuthorizationStrategy",
        f"{_APACHES}authorization.strategy.StatefulAuthorizationStrategy",
    }
)
_OTHERS_CLASS = Refused(
    "it names a class that this broker does not have",
    "remove the key, or name Apache's own class",
    when=lambda name: bool(name.strip()) and name.strip() not in _BUILT_IN,
)


class AuthConfig(ConfigClass):
    """Keys of users and ACLs; attribute names are Apache's."""

    # Keys that take effect.
    authenticationEnabled: Annotated[
        bool, Used("check the signature of every request by the users in config/users of the store")
    ] = False
    authenticationWhitelist: Annotated[str, Used("request codes, separated by `,`, that need no signature")] = ""
    initAuthenticationUser: Annotated[
        str, Used('a user that is made, as a super user, when there is none of the name: `{"username","password"}`')
    ] = ""
    innerClientAuthenticationCredentials: Annotated[
        str,
        Used(
            'whom the broker signs its own requests as: `{"accessKey","secretKey"}`; made a super user when there is '
            "none of the name"
        ),
    ] = ""
    authorizationEnabled: Annotated[
        bool, Used("check what each user may do, by the ACLs in config/acls of the store")
    ] = False
    authorizationWhitelist: Annotated[str, Used("request codes, separated by `,`, that every user may send")] = ""

    migrateAuthFromV1Enabled: Annotated[
        bool,
        Used("at the start, make the accounts of conf/plain_acl.yml users that are none yet, and their rights ACLs"),
    ] = False

    # Apache's classes, which are accepted, and others, which are not.
    authenticationProvider: Annotated[str, _OTHERS_CLASS] = ""
    authenticationMetadataProvider: Annotated[str, _OTHERS_CLASS] = ""
    authenticationStrategy: Annotated[str, _OTHERS_CLASS] = ""
    authorizationProvider: Annotated[str, _OTHERS_CLASS] = ""
    authorizationMetadataProvider: Annotated[str, _OTHERS_CLASS] = ""
    authorizationStrategy: Annotated[str, _OTHERS_CLASS] = ""
    # Keys of Apache's caches, without effect here.
    userCacheMaxNum: int = 1000
    userCacheExpiredSecond: int = 600
    userCacheRefreshSecond: int = 60
    aclCacheMaxNum: int = 1000
    aclCacheExpiredSecond: int = 600
    aclCacheRefreshSecond: int = 60
    statefulAuthenticationCacheMaxNum: int = 10000
    statefulAuthenticationCacheExpiredSecond: int = 60
    statefulAuthorizationCacheMaxNum: int = 10000
    statefulAuthorizationCacheExpiredSecond: int = 60

    def check(self) -> None:
        """What spans keys. Raises ConfigError."""
        if self.authorizationEnabled and not self.authenticationEnabled:
            raise ConfigError(
                "authorizationEnabled=true without authenticationEnabled=true would believe every name",
                "set authenticationEnabled=true too",
            )
        self.init_user()
        self.inner_credentials()

    def init_user(self) -> tuple[str, str] | None:
        """Name and password of `initAuthenticationUser`. Raises ConfigError."""
        return _pair("initAuthenticationUser", self.initAuthenticationUser, "username", "password")

    def inner_credentials(self) -> tuple[str, str] | None:
        """Name and secret key of `innerClientAuthenticationCredentials`. Raises ConfigError."""
        name = "innerClientAuthenticationCredentials"
        return _pair(name, self.innerClientAuthenticationCredentials, "accessKey", "secretKey")


def codes(whitelist: str) -> frozenset[int]:
    """The request codes of a white list; what is no number is the name of a gRPC method, which is not served here."""
    return frozenset(int(item) for item in map(str.strip, whitelist.split(",")) if item.isdecimal())


def _pair(key: str, text: str, first: str, second: str) -> tuple[str, str] | None:
    """Two fields of a JSON object; the text itself, which holds a secret, is quoted nowhere."""
    if not text.strip():
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    found = [fields.get(name) for name in (first, second)] if isinstance(fields, dict) else []
    values = [value for value in found if isinstance(value, str) and value.strip()]
    if len(values) != 2:
        expected = json.dumps({first: "...", second: "..."})
        raise ConfigError(f"{key} is not the JSON object that it must be", f"write it as {expected}")
    return values[0], values[1]
