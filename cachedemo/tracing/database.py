"""The statements of one thread's connection, noted by Django's own wrapper."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cachedemo.tracing.recorder import Recorder


@contextmanager
def statements(connection: Any, recorder: Recorder) -> Iterator[None]:
    """Note statements with Django's wrapper; it does not see COMMIT and ROLLBACK, so those methods are covered."""

    def statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        return _alone(recorder, (sql, params), lambda: execute(sql, params, many, context))

    def ending(word: str, plain: Callable[[], None]) -> Callable[[], None]:
        return lambda: _alone(recorder, (word, None), plain)

    covered = {"commit": connection.commit, "rollback": connection.rollback}
    vars(connection).update({word: ending(word.upper(), plain) for word, plain in covered.items()})
    try:
        with connection.execute_wrapper(statement):
            yield
    finally:
        for word, plain in covered.items():
            vars(connection)[word] = plain
            if getattr(plain, "__func__", None) is getattr(type(connection), word, None):
                del vars(connection)[word]


def _alone(recorder: Recorder, words: tuple[Any, ...], call: Callable[[], Any]) -> Any:
    began = time.perf_counter_ns()
    answer: Any = None
    try:
        answer = call()
    except Exception as error:
        answer = error
        raise
    finally:
        recorder.add("database", [words], [answer], began)
    return answer
