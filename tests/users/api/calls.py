"""Calls of the HTTP API that its tests share: addresses, bodies, and what a problem looks like."""

import json
from typing import Any

from cachedemo import Pattern

PATTERNS = list(Pattern)
JSON = "application/json"
PROBLEM = "application/problem+json"
OK = {"name": "Al", "email": "al@example.com"}
HUGE = json.dumps(OK | {"name": "x" * 70_000})


def one(pattern: str = "cache-aside", pk: Any = 1) -> str:
    return f"/api/{pattern}/users/{pk}"


def many(pattern: str = "cache-aside") -> str:
    return f"/api/{pattern}/users"


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    document = response.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
