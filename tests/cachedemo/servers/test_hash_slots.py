"""The hash slot of a key is the one that the servers compute."""

from hypothesis import given, strategies
from redis.crc import key_slot

from cachedemo.servers import hash_slots


@given(strategies.text(alphabet="{}aé1:~", max_size=9))
def test_it_is_that_of_the_text_in_the_first_braces(key):
    assert hash_slots.of(key) == hash_slots.of(key.encode()) == key_slot(key.encode())
