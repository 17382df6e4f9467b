"""`python -m tests.storms`: the races and the kills at full size, on both databases.

--repeats 200   how often each race is run
--kills 100     how often a working process is killed
--database      sqlite or postgresql; both unless told
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.storms import kills, races
from tests.storms.ground import fresh_url, office_on
from tests.throwaway_postgres import running_server


def storm(server: str, repeats: int, times: int) -> None:
    """Let everything rage on one kind of database. Raises Wrong."""
    kind = "postgresql" if server else "sqlite"
    with tempfile.TemporaryDirectory() as folder:
        with fresh_url(Path(folder), server) as url, office_on(url) as office:
            for race in races.RACES if repeats else ():
                began = time.monotonic()
                seen = races.run(office, race, repeats, url)
                took = time.monotonic() - began
                print(f"{kind}  {race.name}  {dict(seen)}  {took:.1f} s", flush=True)
        if times:
            with fresh_url(Path(folder), server) as url, office_on(url) as office:
                told = kills.run(office, times, url)
                print(f"{kind}  {times} kills, {told} acknowledged acts stored", flush=True)


def main() -> int:
    """Run the storms; 1 when something did not hold."""
    asked = argparse.ArgumentParser(prog="python -m tests.storms")
    asked.add_argument("--repeats", type=int, default=200)
    asked.add_argument("--kills", type=int, default=100)
    asked.add_argument("--database", choices=("sqlite", "postgresql"))
    given = asked.parse_args()
    with ExitStack() as stack:
        servers = [] if given.database == "postgresql" else [""]
        if given.database != "sqlite":
            servers.append(stack.enter_context(running_server()))
        try:
            for server in servers:
                storm(server, given.repeats, given.kills)
        except races.Wrong as wrong:
            print(f"FAILED  {wrong}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
