"""The two Redis servers, each behind its role; the only room that knows redis-py."""
