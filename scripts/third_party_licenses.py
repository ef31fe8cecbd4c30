#!/usr/bin/env python3
"""Prints the licences of all crates that are compiled into the command: a list, then every text once.

    scripts/third_party_licenses.py [cargo's options of features] > THIRD-PARTY-LICENSES.txt

Fails where a crate's licence is not one of those that may be passed on with a program of another licence. Needs the
crates' sources, which cargo has after a build.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

# What may be passed on with its text. Of alternatives (`MIT OR GPL-2.0`) one of these is enough.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib", "bzip2-1.0.6", "MPL-2.0",
}
# Crates that name a file in the place of a licence; their files were read.
READ = {"cfg_block": "Apache-2.0"}
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
SOURCES = {".rs", ".c", ".h", ".py", ".toml", ".json", ".html", ".S", ".sh"}
NOT_COMPILED = {"tests", "examples", "benches", "docs", "fuzz", "target"}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    crates = compiled_crates(root, sys.argv[1:])
    for crate in crates:
        crate["license"] = crate["license"] or READ.get(crate["name"], "unknown")
    refused = [crate for crate in crates if not is_allowed(crate["license"])]
    if refused:
        sys.exit("licences that are not known here: " + ", ".join(f"{c['name']} ({c['license']})" for c in refused))
    texts, without = collections.defaultdict(list), []
    for crate in crates:
        found = licence_texts(pathlib.Path(crate["manifest_path"]).parent)
        for text in found:
            texts[text].append(f"{crate['name']} {crate['version']}")
        if not found:
            without.append(crate)
            if not re.search("MIT|Apache-2.0", crate["license"]):
                sys.exit(f"{crate['name']} has no text of its licence, {crate['license']}")
    print(f"tubelet contains these {len(crates)} crates, and Rust's standard library (MIT OR Apache-2.0).\n")
    for crate in crates:
        print(f"{crate['name']} {crate['version']}: {crate['license']}, {crate['repository'] or 'crates.io'}")
    print("\nThese have no file of a licence in their source; the texts of LICENSE-APACHE and LICENSE-MIT beside this file")
    print("apply:\n")
    for crate in without:
        print(f"{crate['name']} {crate['version']}, copyright {', '.join(crate['authors']) or 'its authors'}")
    for text, names in sorted(texts.items(), key=lambda item: (-len(item[1]), item[1])):
        print(f"\n{'-' * 120}\n{', '.join(names)}\n\n{text}")


def compiled_crates(root, features):
    """The crates that the command is made of with these features, without ours and those that only build it."""
    def cargo(*words):
        return subprocess.run(["cargo", *words], check=True, stdout=subprocess.PIPE, text=True, cwd=root).stdout

    host = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.MULTILINE).group(1)
    tree = ["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--no-dedupe", "--format", "{p}"]
    compiled = {tuple(line.split()[:2]) for line in cargo(*tree, *features).splitlines()}
    metadata = cargo("metadata", "--format-version", "1", "--locked", "--filter-platform", host, *features)
    crates = [crate for crate in json.loads(metadata)["packages"] if crate["source"]]
    found = [crate for crate in crates if (crate["name"], "v" + crate["version"]) in compiled]
    return sorted(found, key=lambda crate: (crate["name"], crate["version"]))


def is_allowed(expression):
    """Whether one of the alternatives of a licence expression has only licences that are allowed."""
    words = expression.replace("/", " OR ").replace("(", " ").replace(")", " ")
    if "(" in expression and " AND " in expression:
        # `(A OR B) AND C`: every part must have an alternative.
        return all(is_allowed(part.strip(" ()")) for part in expression.split(" AND "))
    alternatives = re.split(r"\s+OR\s+", " ".join(words.split()))
    return any(all(name in ALLOWED for name in re.split(r"\s+AND\s+", words)) for words in alternatives)


def licence_texts(folder):
    """The texts of all licence files of a crate, also of C sources that it brings."""
    found = []
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder).parts
        if NOT_COMPILED.intersection(below[:-1]) or path.suffix in SOURCES or not path.is_file():
            continue
        if LICENCE_FILE.search(below[-1]) and path.stat().st_size < 200_000:
            text = path.read_text(encoding="utf-8", errors="replace")
            found.append("\n".join(line.rstrip() for line in text.replace("\r", "").strip().split("\n")))
    # zstd lets one choose between BSD-3-Clause, which is taken here, and this.
    return sorted(text for text in set(found) if not text.startswith("GNU GENERAL PUBLIC LICENSE"))


if __name__ == "__main__":
    main()
