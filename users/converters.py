"""What the URLs are made of: the name of a write pattern, and the id of a row."""

from django.urls import register_converter

from cachedemo import Pattern

LARGEST_ID = 2**63 - 1  # of a BigAutoField; no row can have a larger one


class PatternConverter:
    """`cache-aside`, `write-through` or `write-behind`; any other word is no URL of ours."""

    regex = "|".join(Pattern)

    def to_python(self, value: str) -> Pattern:
        return Pattern(value)

    def to_url(self, value: str) -> str:
        return str(value)


class RowIdConverter:
    """A whole number that a row may have as its id; Django's own `int` lets any number of digits through."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > LARGEST_ID:
            raise ValueError(f"{value} is no id of a row.")
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(PatternConverter, "pattern")
register_converter(RowIdConverter, "row_id")
