"""Hold what the tests executed against the floors: rules whole, the rest nine tenths."""

import json
import sys
from pathlib import Path

FLOORS = {"rules/": 100, "": 90}
"""Least per cent of lines and branches, by the beginning of a file's path."""


def share(measured: list[dict[str, int]]) -> float:
    """Return the per cent of lines and branches that were executed."""
    done = sum(each["covered_lines"] + each["covered_branches"] for each in measured)
    missed = sum(each["missing_lines"] + each["missing_branches"] for each in measured)
    return 100 * done / (done + missed)


def main() -> int:
    """Print every file below its floor and the totals; return 1 if a total is too low."""
    files = json.loads(Path(sys.argv[1]).read_text("utf-8"))["files"]
    low = False
    for beginning, floor in FLOORS.items():
        chosen = {name: file for name, file in files.items() if name.startswith(beginning)}
        for name, file in sorted(chosen.items()):
            if share([file["summary"]]) < floor:
                print(f"{name}: {share([file['summary']]):.1f} %, lines {file['missing_lines']}")
        total = share([file["summary"] for file in chosen.values()])
        low = low or total < floor
        print(f"{beginning or 'all'}: {total:.1f} % of lines and branches, at least {floor} %")
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
