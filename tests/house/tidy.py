#!/usr/bin/env python3
"""House rules as a test: banned words in pure rooms, one name for each room, file and line lengths, locks that clang
does not see, dead links in documents, citations in code, formats, programs in Python that are none.

Run from anywhere; prints each breach as file:line and exits 1 if there is one.
"""

import ast
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE = (".h", ".cc")
LINE_MAX = 125
FILE_MAX = 620

# Words that a pure room must not contain. base/check.cc guards its marks with a mutex and base/log.cc owns spdlog: they are
# the two doors, named here.
PURE_BANNED = {
    r"#include <(thread|mutex|shared_mutex|condition_variable|atomic|filesystem|fstream|future)>": "thread, lock or file header",
    r"#include <(boost/asio|boost/beast|spdlog|libssh2|sys/socket|unistd|fcntl)": "a shell's header",
    r"std::chrono::(steady|system|high_resolution)_clock": "a clock",
    r"\b(rand|srand|time|gettimeofday|clock_gettime)\(": "a clock or random source",
    r"std::(thread|mutex|random_device)\b": "thread, lock or random source",
}
PURE_EXEMPT = {"server/base/check.cc", "server/base/log.cc"}


# A room's namespace is its name. base is what every room may name without a word in front, and so are the numbers of the
# wire, which stand on each page of ZooKeeper's documents.
NAMESPACE_EXEMPT = {"server/base": "zk", "server/jute/codes.h": "zk", "server/jute/codes.cc": "zk"}
MACROS_ONLY = {"server/threads/annotations.h"}


def rooms(tops=("server", "inventory", "agent", "controller", "tests", "tests/sim")):
    """(name, is it pure, folder, files) of each room, read from the zk_room lines."""
    for top in tops:
        listing = os.path.join(ROOT, top, "CMakeLists.txt")
        if not os.path.exists(listing):
            continue
        for match in re.finditer(r"zk_room\((\w+)\b([^)]*)\)", open(listing).read()):
            words = match.group(2).split()
            folder, taking, found = match.group(1), False, []
            for i, word in enumerate(words):
                if word == "PATH":
                    folder = words[i + 1]
            for word in words:
                if word in ("SOURCES", "HEADERS"):
                    taking = True
                elif word.isupper():
                    taking = False
                elif taking and word.endswith(CODE):
                    found.append(os.path.normpath(os.path.join(top, folder, word)))
            yield match.group(1), "PURE" in words, os.path.normpath(os.path.join(top, folder)), found


def pure_files():
    return sorted({path for _, pure, _, found in rooms() if pure for path in found})


def check_names(complaints):
    """Folder, target, include path and namespace of a room are one name; cmake/ZkRoom.cmake makes target and include path."""
    for name, _, folder, found in rooms(("server", "inventory", "agent", "controller")):
        parent, last = os.path.split(folder)
        # agent/api is agent_api: "api" says nothing alone.
        if last != name and "%s_%s" % (os.path.basename(parent), last) != name:
            complaints.append("%s: the room is called %s; its folder has another name" % (folder, name))
        for path in found:
            if path in MACROS_ONLY or not os.path.exists(os.path.join(ROOT, path)):
                continue
            wanted = NAMESPACE_EXEMPT.get(path, NAMESPACE_EXEMPT.get(folder, "zk::" + name))
            text = open(os.path.join(ROOT, path)).read()
            empty = path.endswith(".cc") and not re.search(r"^namespace ", text, re.M)  # somebody else's sources
            if not empty and not re.search(r"^namespace %s(::\w+)* \{" % wanted, text, re.M):
                complaints.append("%s: nothing in namespace %s, as its room is called" % (path, wanted))


def files(folder, endings):
    for base, folders, names in os.walk(os.path.join(ROOT, folder)):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(base, name), ROOT)


def check_pure(complaints):
    found = pure_files()
    if len(found) < 100:
        complaints.append("tests/house/tidy.py: found only %d files of pure rooms: its reading of CMakeLists.txt is broken" % len(found))
    for path in found:
        if path in PURE_EXEMPT or not os.path.exists(os.path.join(ROOT, path)):
            continue
        for number, line in enumerate(open(os.path.join(ROOT, path)), 1):
            code = line.split("//")[0]
            for pattern, what in PURE_BANNED.items():
                if re.search(pattern, code):
                    complaints.append("%s:%d: %s in a pure room" % (path, number, what))


# A lock without annotations is one that clang does not check: server/threads has those with. base/check.cc is below it.
LOCKS = re.compile(r"\bstd::(mutex|shared_mutex|recursive_mutex|timed_mutex|lock_guard|unique_lock|scoped_lock|condition_variable)\b")
LOCKS_EXEMPT = {"server/base/check.cc", "server/threads/mutex.h"}


def check_locks(complaints):
    for top in ("server", "inventory", "agent", "controller"):
        for path in files(top, CODE):
            if path in LOCKS_EXEMPT:
                continue
            for number, line in enumerate(open(os.path.join(ROOT, path)), 1):
                if LOCKS.search(line.split("//")[0]):
                    complaints.append("%s:%d: a lock that clang does not check; threads/mutex.h has one" % (path, number))


# Other versions break lines elsewhere.
FORMAT_VERSION = "14"


def find_clang_format():
    for program in ("clang-format-" + FORMAT_VERSION, "clang-format"):
        if shutil.which(program):
            said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if "version %s." % FORMAT_VERSION in said:
                return program
    return None


def check_formats(complaints):
    """All files at once: some at a time on each core, two seconds of one core in all."""
    program = find_clang_format()
    if program is None:
        complaints.append("clang-format %s is missing: formats were NOT looked at (scripts/deps test installs it)" % FORMAT_VERSION)
        return
    paths = [p for top in ("server", "inventory", "agent", "controller", "tests", "bench") for p in files(top, CODE)]
    parts = os.cpu_count() or 1
    command = [program, "--dry-run", "-Werror", "--ferror-limit=1"]
    running = [subprocess.Popen(command + paths[i::parts], cwd=ROOT, stderr=subprocess.PIPE, text=True) for i in range(parts)]
    for process in running:
        said = process.communicate()[1]
        found = re.findall(r"^(\S+?):(\d+):\d+: error: code should be clang-formatted", said, re.M)
        for path, line in dict(reversed(found)).items():
            complaints.append("%s:%s: not formatted: clang-format -i %s" % (path, line, path))
        if process.returncode != 0 and not found:
            complaints.append("clang-format failed: " + said.strip())


def check_lengths(complaints):
    for top in ("server", "inventory", "agent", "controller", "tests", "bench"):
        for path in files(top, CODE):
            lines = open(os.path.join(ROOT, path)).read().split("\n")
            if len(lines) > FILE_MAX and not path.startswith("tests/"):
                complaints.append("%s: %d lines, more than %d" % (path, len(lines), FILE_MAX))
            for number, line in enumerate(lines, 1):
                if len(line) > LINE_MAX:
                    complaints.append("%s:%d: %d columns" % (path, number, len(line)))


def check_programs(complaints):
    """What Python cannot read would only be noticed when its turn comes."""
    for path in files(".", (".py",)):
        try:
            ast.parse(open(os.path.join(ROOT, path)).read(), path)
        except SyntaxError as error:
            complaints.append("%s:%s: %s" % (path, error.lineno, error.msg))


def check_links(complaints):
    documents = [d for d in files(".", (".md",))]
    for path in documents:
        text = open(os.path.join(ROOT, path)).read()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(path), target)):
                complaints.append("%s: dead link %s" % (path, target))


# Notes of the project's beginning that did not come along: who reads the repository cannot follow these.
CITED_ELSEWHERE = re.compile(r"\bDESIGN\.md|\bfacts/[a-z]|[a-z] facts [0-9]")
# docs/STORAGE.md, docs/STORAGE.md 3.3, docs/PROTOCOL.md 1.1, 1.2 and 1.5 to 1.7, docs/ARCHITECTURE.md, "Turns".
DOCUMENT = re.compile(r"\bdocs/([\w/.-]+\.md)(?:((?:(?:,| and| to)? \d+(?:\.\d+)*)+)|,? \(?\"([^\"]+)\")?")
DECISION = re.compile(r"\bdecisions/(\d{4})(-[\w-]+)?")
HEADING = re.compile(r"^#+ (?:(\d+(?:\.\d+)*) )?(.*?)\s*$", re.M)


class Documents:
    """Sections of the documents, by number and by title."""

    def __init__(self):
        self.sections = {}
        self.decisions = {}
        for name in sorted(os.listdir(os.path.join(ROOT, "docs", "decisions"))):
            self.decisions[name[:4]] = name

    def find(self, name):
        """The numbers and titles of its headings; None: there is no such document."""
        if name not in self.sections:
            path = os.path.join(ROOT, "docs", name)
            self.sections[name] = None
            if os.path.exists(path):
                headings = HEADING.findall(open(path).read())
                self.sections[name] = {number for number, _ in headings} | {title for _, title in headings}
        return self.sections[name]

    def missing(self, text):
        """(place in `text`, what is cited there and does not exist)."""
        for match in DOCUMENT.finditer(text):
            name, numbers, title = match.groups()
            sections = self.find(name)
            if sections is None:
                yield match.start(), "there is no docs/%s" % name
                continue
            for section in re.findall(r"[\d.]*\d", numbers or "") + ([title] if title else []):
                if section not in sections:
                    yield match.start(), "docs/%s has no section %s" % (name, section)
        for match in DECISION.finditer(text):
            name = self.decisions.get(match.group(1))
            if name is None or (match.group(2) and not (name + " ").startswith(match.group(0)[10:])):
                yield match.start(), "there is no %s" % match.group(0)


def check_citations(complaints):
    documents = Documents()
    for top in ("server", "inventory", "agent", "controller", "tests", "bench", "scripts", "cmake", "playbooks", "systemd"):
        for path in files(top, CODE + (".py", ".sh", ".txt", ".cmake", ".in", ".toml", ".yaml", ".yml")):
            if path == os.path.join("tests", "house", "tidy.py"):
                continue
            lines = open(os.path.join(ROOT, path), errors="replace").read().split("\n")
            for i, line in enumerate(lines):
                if CITED_ELSEWHERE.search(line):
                    complaints.append("%s:%d: cites a document that is not in the repository" % (path, i + 1))
                # A citation may go on in the next line of its comment.
                following = re.match(r"\s*(?://+|#+) ?(.*)", lines[i + 1]) if i + 1 < len(lines) else None
                whole = line + " " + following.group(1) if following else line
                for place, what in documents.missing(whole):
                    if place < len(line):
                        complaints.append("%s:%d: %s" % (path, i + 1, what))


def main():
    complaints = []
    check_pure(complaints)
    check_names(complaints)
    check_locks(complaints)
    check_lengths(complaints)
    check_formats(complaints)
    check_programs(complaints)
    check_links(complaints)
    check_citations(complaints)
    for complaint in complaints:
        print(complaint)
    print("house rules: %d breaches" % len(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
