"""How many of something, in words."""


def counted(count: int, noun: str) -> str:
    """Return for example "1 row" or "2,000 rows"."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"
