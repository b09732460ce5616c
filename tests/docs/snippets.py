#!/usr/bin/env python3
"""Runs the programs on a page of the guide and holds what they print against the page.

usage: snippets.py PERILUNE PAGE.md

A block ```lua is a whole program; the block ```output after it is what it prints, standard output first, then standard error
(tracebacks left out, addresses masked). ```lua file=NAME is written to NAME beside the page's programs; ```lua app and ```lua fragment
are not run. Programs run under `perilune run`, and again with --hosted unless the block says `lua engine`."""
import pathlib
import re
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^( *)```(.*)$")


def blocks(text):
    """(line, info string, content) of every fenced block."""
    found, opened = [], None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened = (number, fence[2].strip(), [])
        elif opened is not None and fence and not fence[2].strip():
            found.append((opened[0], opened[1], "\n".join(opened[2]) + "\n"))
            opened = None
        elif opened is not None:
            opened[2].append(line)
    if opened is not None:
        raise SystemExit(f"line {opened[0]}: the block is not closed")
    return found


def printed(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
    errors = [re.sub(r"0x[0-9a-f]+", "0x…", line) for line in done.stderr.splitlines()
              if not line.startswith(("\t", "stack traceback:")) and "ASan doesn't fully support" not in line]
    return done.stdout + "".join(line + "\n" for line in errors)


def main():
    perilune, page = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    parsed = blocks(page.read_text())
    failed = ran = 0
    with tempfile.TemporaryDirectory() as folder:
        for at, (line, info, content) in enumerate(parsed):
            words = info.split()
            if words[:1] != ["lua"] or {"app", "fragment"} & set(words):
                continue
            names = [word[5:] for word in words if word.startswith("file=")]
            if names:
                target = pathlib.Path(folder, names[0])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content)
                continue
            expected = parsed[at + 1][2] if at + 1 < len(parsed) and parsed[at + 1][1] == "output" else ""
            pathlib.Path(folder, "main.lua").write_text(content)
            for options in [[]] if "engine" in words else [[], ["--hosted"]]:
                actual = printed([perilune, "run", *options, "main.lua"], folder)
                ran += 1
                if actual != expected:
                    failed += 1
                    print(f"{page}:{line}: run {' '.join(options)}\n-- the page says\n{expected}-- it prints\n{actual}")
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed or ran == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
