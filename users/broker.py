"""Does the broker take messages? One that answers may still refuse them, or let them wait without a word."""

from typing import Any

from kombu.connection import Connection

from cachedemo.servers.client import connect
from cachedemo.servers.scripts import MAY_QUEUE
from cachedemo.servers.server_errors import Error, meaning

NOBODYS = "cachedemo-readyz"  # no queue has this name, so the broker drops the message once it has taken it


def ask(url: str, patience: float) -> None:
    """Return once it has taken a message that goes nowhere. Raises OSError, or redis-py's errors.

    Args:
        patience: seconds for each of the two steps, signing in and sending.
    """
    if url.startswith(("redis://", "rediss://")):
        _ask_redis(url)
    else:
        _sign_in(url, patience)


def _ask_redis(url: str) -> None:
    with connect(url) as client:
        client.ping()
        try:
            client.execute_command("EVAL", MAY_QUEUE.source, 0)
        except Error as error:  # a user without scripts and an old server say nothing of messages
            found = meaning(error)
            if found is not None and not found.forbidden:
                raise


def _sign_in(url: str, patience: float) -> None:
    """Do what Celery does, whatever kind of broker it is."""
    with Connection(url, connect_timeout=patience) as broker:
        try:
            broker.connect()
            if broker.transport.driver_type == "amqp":
                _send(broker, patience)
        except (*broker.connection_errors, *broker.channel_errors) as error:
            broker.collect()  # one that is blocked does not answer a goodbye either
            raise OSError(f"The broker cannot be reached: {type(error).__name__}") from error


def _send(broker: Connection, patience: float) -> None:
    """RabbitMQ with its alarm on, of memory or of disk, reads no more from a connection that sends it a message."""
    channel: Any = broker.default_channel
    try:
        nothing = channel.prepare_message(b"")
        channel.basic_publish_confirm(nothing, routing_key=NOBODYS, confirm_timeout=patience)
    except TimeoutError as error:
        broker.collect()
        raise OSError("The broker takes no messages now: look at its alarms, of memory and of disk.") from error
    except broker.channel_errors:
        pass  # this user may send by another exchange only: it has answered
