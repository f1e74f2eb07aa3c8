"""Waiting for a condition with a deadline: no test sleeps for a time it hopes is enough."""
import time


def wait_until(condition, deadline_s, what, poll_s=0.05):
    """Returns the first truthy value of condition(); AssertionError naming `what` at the deadline.

    `what` is a text, or a callable making one when the wait has failed.
    """
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {deadline_s} s: {text}")
        time.sleep(poll_s)


def holds_for(condition, seconds, what, poll_s=0.1):
    """Asserts that condition() is true at every look for `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what() if callable(what) else what
        time.sleep(poll_s)
