"""Films of a server are those of files: in this process, in forked ones, and where the server is gone."""

from __future__ import annotations

import functools
import os
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import run

import tubelet

FILMS = ["cars.mp4", "bottles.webm", "flower.mp4", "big_buck_bunny.mp4"]


class Ranges(SimpleHTTPRequestHandler):
    """Gives files, and ranges of them."""

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        body = file.read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2]), len(body) - 1)) if wanted else (0, len(body) - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Last-Modified", self.date_time_string(file.stat().st_mtime))
        self.end_headers()
        self.wfile.write(body[first : last + 1])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture()
def server(samples: Path) -> Iterator[ThreadingHTTPServer]:
    handler = functools.partial(Ranges, directory=str(samples))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            tubelet.VideoDecoder(f"http://127.0.0.1:{server.server_port}/cars.mp4")
        except tubelet.TubeletError as error:
            if "without the feature `cloud`" not in str(error):
                raise
            pytest.skip("this wheel was built without object stores")
        yield server
        server.shutdown()


def addresses(server: ThreadingHTTPServer) -> list[str]:
    return [f"http://127.0.0.1:{server.server_port}/{film}" for film in FILMS]


def test_frames_and_clips_are_those_of_files(server: ThreadingHTTPServer, samples: Path) -> None:
    for film, address in zip(FILMS, addresses(server)):
        one, other = (tubelet.VideoDecoder(place, format="numpy") for place in (samples / film, address))
        assert np.array_equal(one.get_frames_at([0, 7, 30]).data, other.get_frames_at([0, 7, 30]).data)

    def batches(videos: list[Path] | list[str]) -> list[np.ndarray]:
        set_ = {"clip.size": 64}
        data = tubelet.ClipDataset(videos, recipe="tiny", batch_size=2, set=set_, format="numpy", seed=3)
        return [batch["video"] for batch in data]

    of_files, of_server = batches([samples / film for film in FILMS]), batches(addresses(server))
    assert len(of_files) == 2
    assert all(np.array_equal(one, other) for one, other in zip(of_files, of_server, strict=True))


def test_a_forked_process_asks_the_server_itself(server: ThreadingHTTPServer) -> None:
    code = """
        import multiprocessing, sys, tubelet

        opened = {}

        def mean(address, again):
            if again or address not in opened:
                opened[address] = tubelet.VideoDecoder(address, format="numpy")
            return float(opened[address].get_frames_at([0, 9]).data.mean())

        asked = [(address, again) for address in sys.argv[1:] for again in (False, True)]
        mean(*asked[0])  # this process has a connection, and one film of four
        with multiprocessing.get_context("fork").Pool(2) as pool:
            forked = pool.starmap_async(mean, asked).get(60)
        here = [mean(*words) for words in asked]
        assert forked == here, (forked, here)
        print("the same")
    """
    done = run(code, *addresses(server))
    assert done.stdout == "the same\n", done.stderr


def test_a_film_that_is_not_there_is_no_failure_of_the_server(server: ThreadingHTTPServer) -> None:
    with pytest.raises(tubelet.TubeletError, match="no such object"):
        tubelet.VideoDecoder(f"http://127.0.0.1:{server.server_port}/nothing.mp4")


def test_a_film_that_is_replaced_is_read_anew(server: ThreadingHTTPServer, tmp_path: Path, samples: Path) -> None:
    film = tmp_path / "film.mp4"
    server.RequestHandlerClass = functools.partial(Ranges, directory=str(tmp_path))
    address = f"http://127.0.0.1:{server.server_port}/film.mp4"
    for number, name in enumerate(["cars.mp4", "flower.mp4", "flower.mp4"]):
        film.write_bytes((samples / name).read_bytes())
        os.utime(film, (number * 1000, number * 1000))
        wanted = tubelet.VideoDecoder(samples / name, format="numpy")
        found = tubelet.VideoDecoder(address, format="numpy")
        assert len(found) == len(wanted) and np.array_equal(found[5], wanted[5])
        table = tubelet.read_clips({"path": [address]}, recipe="tiny")
        assert table["error"][0] is None


def test_an_address_is_a_string() -> None:
    for given in ["https://me:secret@h/a.mp4", "http://h/a.mp4", "s3://b/a.mp4"]:
        for call in (tubelet.VideoDecoder, tubelet.ClipDataset, lambda path: tubelet.read_clips([path])):
            with pytest.raises(tubelet.UsageError, match="must be a string") as raised:
                call(Path(given))
            assert "secret" not in str(raised.value)


@pytest.mark.parametrize("given", [{"quarantine": "{}"}, {"recipe": "{}"}, {"set": {"clip.verified_in": "{}"}}])
def test_no_message_has_a_secret(samples: Path, given: dict[str, Any]) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(part) for key, part in value.items()}
        return value.format("https://h/a?sig=secret")

    with pytest.raises(tubelet.TubeletError) as raised:
        tubelet.ClipDataset(samples, **{"recipe": "tiny", **filled(given)})
    assert "secret" not in repr(raised.value), raised.value


@pytest.mark.parametrize(
    "address",
    [
        "https://me:secret@h/a.mp4",
        "https://me:a'secret@h/a.mp4",
        "https://h/a.mp4?sig=secret",
        "https://h/a.mp4?sig=(secret)",
        "s3://secret@b/a.mp4",
    ],
)
def test_a_secret_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(tubelet.UsageError, match="credentials come from the environment") as raised:
        tubelet.VideoDecoder(address)
    assert "secret" not in repr(raised.value)
    table = tubelet.read_clips({"path": [address], "start": [0.0], "end": [1.0]}, recipe="tiny")
    assert "secret" not in str(table["error"][0]) and "credentials" in str(table["error"][0])
