"""What an entity tag (ETag, If-Match) is made of."""

import zlib

from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry


def etag(table: CachedTable, entry: Entry) -> str:
    """Return the entity tag (RFC 9110) of an entry: version, stamp, and a short hash of the body."""
    return f'"{table.slots.version}-{entry.stamp:016d}-{zlib.crc32(entry.body or b""):08x}"'
