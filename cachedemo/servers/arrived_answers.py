"""Answers that have arrived over a connection, past redis-py's look at each: it takes longer than parsing them."""

from typing import Any

import redis


def arrived(connection: Any, at_most: int) -> list[Any]:
    """Return answers to GETs that need not be waited for, errors among them as exceptions; none if nobody can tell.

    Args:
        at_most: how many answers are missing; what the server has said behind them is left where it is.
    """
    parser = connection._parser
    take = getattr(getattr(parser, "_reader", None), "gets", None)
    answers: list[Any] = []
    while take is not None and len(answers) < at_most:
        answer = take()
        if answer is None or type(answer) is bytes or isinstance(answer, redis.ResponseError):
            answers.append(answer)
        elif isinstance(answer, Exception):
            raise answer
        elif isinstance(answer, list):
            parser.handle_push_response(answer)  # said unasked, and by no GET
        else:
            break  # what stands for "not all of it is here"
    return answers
