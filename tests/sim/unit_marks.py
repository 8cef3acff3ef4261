#!/usr/bin/env python3
"""unit_marks.py DIR: do the unit tests reach the coverage marks that the simulator cannot, or seldom does?

DIR holds what the test programs left there (ZKPROV_MARKS, tests/unit_marks.cc). Ends with 1 if a mark of class unit or
rare in marks.txt is missing."""

import os
import re
import sys

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "marks.txt")


def main():
    hit = set()
    for name in os.listdir(sys.argv[1]):
        with open(os.path.join(sys.argv[1], name), encoding="utf-8") as file:
            hit |= set(file.read().split())
    with open(LIST, encoding="utf-8") as file:
        wanted = re.findall(r"^(?:unit|rare)\s+(\S+)", file.read(), re.MULTILINE)
    missing = sorted(set(wanted) - hit)
    for mark in missing:
        print(f"no unit test reaches {mark}")
    print(f"unit tests reach {len(hit)} coverage marks, among them {len(wanted) - len(missing)} of the {len(wanted)} "
          "that the simulator does not or seldom does")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
