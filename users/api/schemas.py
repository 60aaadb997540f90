"""What goes in and comes out of the API, as its documents show it. The model's own validators have the last word."""

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from users.converters import LARGEST_ID

MOST_IDS = 1000  # in one request
MOST_VISITS = 2**31 - 1  # what the column holds

# At least one character that can be seen, and no null, which databases cannot hold.
_VISIBLE = r"^[^\x00]*[^\x00\s][^\x00]*$"


def _as_the_model_does(email: str) -> str:
    """Refuse it together with whatever else is wrong, so that one answer names every field."""
    try:
        validate_email(email)
    except ValidationError as error:
        raise PydanticCustomError("email", "{sentence}", {"sentence": error.messages[0]}) from error
    return email


Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_VISIBLE, examples=["Alice Singh"])]
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}, examples=["alice@example.com"]),
    AfterValidator(_as_the_model_does),
]


Visits = Annotated[int, Field(ge=0, le=MOST_VISITS, examples=[7])]


class Increment(BaseModel):
    """What is added to a number, whatever others add or write meanwhile."""

    model_config = ConfigDict(extra="forbid", strict=True)

    increment: Annotated[int, Field(ge=-MOST_VISITS, le=MOST_VISITS, examples=[1])]


def _kind(value: Any) -> str:
    return "increment" if isinstance(value, dict | Increment) else "number"


class WholeUser(BaseModel):
    """A user to be created, or to be written whole; the visits only where they are named."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    email: Email
    visits: Visits = Field(default_factory=int)


class SomeFields(BaseModel):
    """The fields to write, one at least; what is not named is not touched."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"minProperties": 1})

    # A factory, because a default would stand in the documents as if it were written.
    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)
    visits: Annotated[
        Annotated[Visits, Tag("number")] | Annotated[Increment, Tag("increment")], Discriminator(_kind)
    ] = Field(default_factory=int)


class User(BaseModel):
    """A user as it is read."""

    id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    name: str
    email: str
    visits: int


class Users(BaseModel):
    """The users asked for that exist, in the order of the ids, and the ids of those that do not."""

    users: list[User]
    missing: list[int]


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, list[str]] = Field(default_factory=dict, description="Sentences by field.")
