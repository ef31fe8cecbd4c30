# The command with all that it needs to read videos, on Debian 13:
#
#   docker build --tag tubelet .
#   docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" tubelet scan films --out manifest.parquet

FROM rust:1.95-slim-trixie AS builder
# Debian keeps one version of a package, so that none can be asked for.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        g++ pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libdav1d-dev python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /tubelet
COPY . .
RUN cargo build --locked --release --bin tubelet --features dav1d,cloud \
    && scripts/third_party_licenses.py --features dav1d,cloud > THIRD-PARTY-LICENSES.txt

FROM debian:trixie-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
        gstreamer1.0-libav libdav1d7 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home tubelet
COPY --from=builder /tubelet/target/release/tubelet /usr/local/bin/
COPY --from=builder /tubelet/LICENSE /tubelet/LICENSE-APACHE /tubelet/LICENSE-MIT /tubelet/THIRD-PARTY-LICENSES.txt \
    /usr/share/doc/tubelet/
# GStreamer's list of plugins is made once, and the image with it fails where something is missing.
ENV GST_REGISTRY_1_0=/usr/local/share/tubelet/gstreamer-plugins.bin
RUN mkdir /usr/local/share/tubelet && tubelet doctor
USER 1000
WORKDIR /data
ENTRYPOINT ["tubelet"]
