"""The operating system's signals that ask a process of the development server to end."""

import signal
import sys
from types import FrameType
from typing import NoReturn

# Windows has no SIGHUP.
STOPS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


def handle_stops() -> None:
    """Let the first of these signals end this process in order. Leave those that nohup ignores."""
    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """As a signal handler: end this process, and ignore what else asks for it meanwhile.

    After Ctrl-C, a child gets a signal from the terminal and another one from its parent.
    """
    for each in STOPS:
        signal.signal(each, ignore)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit()


def ignore(number: int, frame: FrameType | None) -> None:
    """As a signal handler: do nothing. Python complains about SIG_IGN if a signal has just come."""
