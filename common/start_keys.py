"""Keys that a server reads from its property file when it starts, and that no request shows or changes, as Apache's.

The keys of AuthConfig, by which the client knows them too: a broker answers as if it had never heard of them.
"""

from __future__ import annotations

READ_AT_START = frozenset(
    {
        "aclCacheExpiredSecond",
        "aclCacheMaxNum",
        "aclCacheRefreshSecond",
        "authenticationEnabled",
        "authenticationMetadataProvider",
        "authenticationProvider",
        "authenticationStrategy",
        "authenticationWhitelist",
        "authorizationEnabled",
        "authorizationMetadataProvider",
        "authorizationProvider",
        "authorizationStrategy",
        "authorizationWhitelist",
        "initAuthenticationUser",
        "innerClientAuthenticationCredentials",
        "migrateAuthFromV1Enabled",
        "statefulAuthenticationCacheExpiredSecond",
        "statefulAuthenticationCacheMaxNum",
        "statefulAuthorizationCacheExpiredSecond",
        "statefulAuthorizationCacheMaxNum",
        "userCacheExpiredSecond",
        "userCacheMaxNum",
        "userCacheRefreshSecond",
    }
)
