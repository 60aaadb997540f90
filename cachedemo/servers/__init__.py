"""The two Redis servers, each behind its role; the only folder that imports redis-py."""
