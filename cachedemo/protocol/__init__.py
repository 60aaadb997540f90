"""The steps of the protocol, each atomic: what a read, a write and a flush do, on a `CachedTable`."""
