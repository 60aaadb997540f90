"""What goes in and comes out of the API, as its documents show it. The model's own validators have the last word."""

from typing import Annotated

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from users.converters import LARGEST_ID

MOST_IDS = 1000  # in one request

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


class WholeUser(BaseModel):
    """A user to be created, or to be written whole."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    email: Email


class SomeFields(BaseModel):
    """The fields to write, one at least; what is not named is not touched."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"minProperties": 1})

    # A factory, because a default would stand in the documents as if it were written.
    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)


class User(BaseModel):
    """A user as it is read."""

    id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    name: str
    email: str


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
