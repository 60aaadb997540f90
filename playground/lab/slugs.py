"""The names of the experiments, known before Django is."""

SLUGS = (
    "stale-fill",
    "invalidate-first",
    "opposite-order",
    "stampede",
    "killed-flusher",
    "cache-killed",
    "schema-change",
    "evicted-before-flush",
    "flushdb-pending",
)
