#!/usr/bin/env bash
# Builds the documentation as a book (mdBook) in target/book, and prints where it begins.
#
# The pages are read on a forge as they lie: those of docs/ and a few at the root, with relative links between them.
# mdBook wants all pages below one folder, so they are copied with their places kept, and the paths in SUMMARY.md,
# which are relative to docs/, are made relative to the root.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.5.4
mdbook=$(command -v mdbook || true)
if [ -z "$mdbook" ]; then
  home="${XDG_CACHE_HOME:-$HOME/.cache}/tubelet/mdbook-$version"
  mdbook="$home/bin/mdbook"
  # Cargo checks what it downloads against the registry's checksums, and --locked takes mdBook's own Cargo.lock.
  [ -x "$mdbook" ] || cargo install --quiet --locked --root "$home" --no-default-features --features search "mdbook@$version"
fi

book="${CARGO_TARGET_DIR:-target}/book"
rm -rf "$book" "$book-source"
mkdir -p "$book-source/src/samples" "$book-source/src/benches"
cp -r docs ./*.md LICENSE* "$book-source/src/"
cp samples/LICENSES.md "$book-source/src/samples/"
cp benches/*.sh "$book-source/src/benches/"
mv "$book-source/src/docs/book.toml" "$book-source/"
sed -E 's|\]\(|](docs/|; s|docs/\.\./||' docs/SUMMARY.md > "$book-source/src/SUMMARY.md"
rm "$book-source/src/docs/SUMMARY.md"
"$mdbook" build "$book-source" --dest-dir "$(realpath -m "$book")"
echo "open $book/index.html"
