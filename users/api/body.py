"""The JSON object in a request, as one of the API's types."""

from typing import TypeVar

from django.http import HttpRequest
from pydantic import BaseModel

from cachedemo.views import body

MEDIA_TYPE = body.MEDIA_TYPE

Model = TypeVar("Model", bound=BaseModel)


def read(request: HttpRequest, model: type[Model]) -> Model:
    """Return the request's body as a `model`.

    Raises:
        Problem: 415, 413 or 400; 422 for a field that is given twice.
        pydantic.ValidationError: the fields are invalid.
    """
    return model.model_validate(body.read(request, "user"))
