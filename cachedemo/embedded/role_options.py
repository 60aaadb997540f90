"""The options of redis.conf that each role's server is started with; docs/operating.md recommends the same."""

ROLES: dict[str, dict[str, str]] = {
    "cache": {"save": "", "appendonly": "no", "maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"},
    "queue": {"save": "", "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"},
}
