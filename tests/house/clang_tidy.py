#!/usr/bin/env python3
"""clang-tidy over the product's files, with the checks of .clang-tidy.

clang_tidy.py            files that differ from the branch main, and those that belong to a header which differs
clang_tidy.py --all      every file: about a quarter of an hour of one core
clang_tidy.py FILE...    these

Wants build/tidy (cmake --preset tidy). A find in a header is told once. Ends with 1 if there was one.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "tidy")
TOPS = ("server", "agent", "inventory", "controller")


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True)


def changed():
    """Files that differ from where this branch left main, committed or not."""
    for main in ("main", "origin/main"):
        base = git("merge-base", "HEAD", main)
        if base.returncode == 0:
            names = git("diff", "--name-only", base.stdout.strip()).stdout.split("\n")
            return names + git("ls-files", "--others", "--exclude-standard").stdout.split("\n")
    sys.exit("clang_tidy.py: there is no branch main to compare with; name files, or --all")


def compiled():
    """The product's sources that are compiled, relative to the tree."""
    path = os.path.join(BUILD, "compile_commands.json")
    if not os.path.exists(path):
        sys.exit("clang_tidy.py: build/tidy is missing: cmake --preset tidy")
    names = {os.path.relpath(entry["file"], ROOT) for entry in json.load(open(path))}
    return sorted(n for n in names if n.split(os.sep)[0] in TOPS)


def chosen(names):
    """Sources to look at: those named, and for a header the source of its name, or else one that includes it."""
    sources = compiled()
    wanted = set()
    for name in names:
        stem, ending = os.path.splitext(name)
        if name in sources or stem + ".cc" in sources:
            wanted.add(name if name in sources else stem + ".cc")
        elif ending == ".h" and name.split(os.sep)[0] in TOPS:
            line = '/%s"' % os.path.basename(name)
            wanted.update([s for s in sources if line in open(os.path.join(ROOT, s)).read()][:1])
    return sorted(wanted)


def look(source):
    command = ["clang-tidy", "-p", BUILD, "--quiet", os.path.join(ROOT, source)]
    ended = subprocess.run(command, capture_output=True, text=True)
    finds = re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$", ended.stdout, re.M)
    if ended.returncode != 0 and not finds:
        finds = [(source, "0", "clang-tidy failed: " + ended.stderr.strip())]
    return {(os.path.relpath(os.path.realpath(os.path.join(ROOT, path)), ROOT), int(line), words) for path, line, words in finds}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("files", nargs="*")
    wanted = parser.parse_args()
    sources = compiled() if wanted.all else chosen(wanted.files or changed())
    finds = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(look, sources):
            for path, line, words in sorted(found - finds):
                print("%s:%d: %s" % (path, line, words.replace(",-warnings-as-errors", "")), flush=True)
            finds |= found
    print("clang-tidy: %d finds in %d files" % (len(finds), len(sources)))
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
