"""Children of the sandbox that misbehave as no file is known to make them: run with -m."""

import os
import signal
import sys
import time

from app.engine.gate import child
from app.engine.gate.findings import Verdict


def spin() -> Verdict:
    while True:
        pass


def spin_deaf() -> Verdict:
    """Spin and do not listen to the first word of the system."""
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    return spin()


def eat() -> Verdict:
    eaten = []
    while True:
        eaten.append(bytearray(10**6))


def eat_all() -> Verdict:
    """Eat until not even the answer can be put together."""
    eaten = []
    step = 10**7
    while step:
        try:
            eaten.append(bytearray(step))
        except MemoryError:
            step //= 10
    raise MemoryError(eaten)


def sleep() -> Verdict:
    time.sleep(600)
    return Verdict()


def crash() -> Verdict:
    os.abort()


def mumble() -> Verdict:
    sys.stdout.write("[]")
    return Verdict()


if __name__ == "__main__":
    act = globals()[os.environ["LD_LIBRARY_PATH"]]
    child.inspect = lambda *_files, **_known: act()
    child.main(*sys.argv[1:])
