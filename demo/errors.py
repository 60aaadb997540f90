"""What can go wrong with the demo, one sentence each."""


class DemoFailed(Exception):
    """Raised when the demo cannot go on; the message says why and what to do."""


class StopAsked(Exception):
    """Raised when somebody asks the demo to stop while it is starting."""
