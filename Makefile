# make demo   from sample videos to a trained model and a picture, in about three minutes
# make test   every test; those of LibTorch too where LIBTORCH names it or it was brought before
# make test TCH=1   the same, and brings LibTorch first (Linux on x86-64: a download of 900 MB)
# make test FEATURES=cloud   the same with object stores compiled in
# make bench  speed of every stage on this machine
# make evidence  whether pre-training teaches anything: videos made here, three seeds, controls; writes EVIDENCE.md, and
#                docs/evidence-before-and-after.md and docs/evidence-longer.md of two smaller experiments
#                (some hours on two cores; `scripts/evidence.sh --quick` takes minutes)
# make features  type-checks the command with every device, for object stores, for several processes, and without video
# make wheel  the Python package, in target/wheels (PROFILE=dev shares what the tests have compiled)
# make python-test   the Python package's own tests, in a fresh virtual environment; part of `make test`
# make dist   archives of the release build in target/dist: with GStreamer, and without video
# make docs   builds README and docs/ as a book, in target/book
#
# Each target installs what is missing (scripts/setup.sh), and builds.

.PHONY: demo test wheel python-test bench evidence features dist docs

demo:
	scripts/setup.sh
	scripts/with_dav1d.sh cargo build
	scripts/demo.sh

# Without FEATURES this shares all crates below, and the command, with `make demo`.
test:
	scripts/setup.sh --python $(if $(TCH),--libtorch)
	@command -v $${CHROMIUM:-chromium} >/dev/null || \
	  echo "make test: no Chromium is here, so reports are not opened in one; scripts/setup.sh --browser installs it"
	scripts/with_dav1d.sh cargo test --workspace $(if $(FEATURES),--features $(FEATURES))
	scripts/test_wheel.sh
	scripts/test_libtorch.sh $(if $(TCH),--bring)

wheel:
	scripts/setup.sh --python
	scripts/build_wheel.sh

python-test:
	scripts/setup.sh --python
	scripts/test_wheel.sh

bench:
	scripts/setup.sh
	scripts/with_dav1d.sh cargo bench --workspace

evidence:
	scripts/evidence.sh
	scripts/evidence.sh --before-and-after
	scripts/evidence.sh --longer

features:
	scripts/setup.sh
	cargo check --no-default-features --features command
	cargo check --features wgpu
	DOCS_RS=1 cargo check --features cuda
	cargo check --features cloud
	scripts/setup.sh --mpi
	cargo check --features mpi,nccl

dist:
	scripts/setup.sh
	scripts/dist.sh

docs:
	scripts/build_docs.sh
