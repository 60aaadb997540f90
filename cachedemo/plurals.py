"""How many of something, in words."""


def counted(count: int, noun: str) -> str:
    """Return for example "1 row" or "2,000 rows"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"
