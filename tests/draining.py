"""Run a generator of progress to its end."""


def drain(steps):
    """Return everything that it yields, and its return value."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value
