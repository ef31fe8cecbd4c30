"""Features for temporal localisation, beside a PyTorch run of what VideoMAEv2's extract_tad_feature.py does.

    python tests/python/tad_features.py TUBELET VIDEO...

TUBELET is the command. A small classifier with random weights is written in the official layout. `tubelet embed
--format tad-npy` makes features of each VIDEO, and so does PyTorch: windows of 16 frames, one begun every 4 while
they fit, each frame divided by 255 and then squashed to 224x224 (bilinear, align_corners false, no antialias),
forward_features. PyTorch's frames are those that `tubelet frames` writes, so that only the features are compared;
where PyAV can be had, a line says what its own conversion to RGB changes. Needs torch, numpy and Pillow. Every
difference must be at most 1e-4.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch.nn import functional

DIM, DEPTH, HEADS, HIDDEN, PATCH, TUBELET, SIZE, FRAMES, EVERY = 192, 3, 3, 768, 16, 2, 224, 16, 4
TOLERANCE = 1e-4


def weights():
    torch.manual_seed(1)
    shapes = {"patch_embed.proj.weight": (DIM, 3, TUBELET, PATCH, PATCH), "patch_embed.proj.bias": (DIM,)}
    for block in range(DEPTH):
        shapes |= {
            f"blocks.{block}.{name}": shape
            for name, shape in {
                "norm1.weight": (DIM,), "norm1.bias": (DIM,),
                "attn.q_bias": (DIM,), "attn.v_bias": (DIM,), "attn.qkv.weight": (3 * DIM, DIM),
                "attn.proj.weight": (DIM, DIM), "attn.proj.bias": (DIM,),
                "norm2.weight": (DIM,), "norm2.bias": (DIM,),
                "mlp.fc1.weight": (HIDDEN, DIM), "mlp.fc1.bias": (HIDDEN,),
                "mlp.fc2.weight": (DIM, HIDDEN), "mlp.fc2.bias": (DIM,),
            }.items()
        }  # fmt: skip
    shapes |= {"fc_norm.weight": (DIM,), "fc_norm.bias": (DIM,), "head.weight": (7, DIM), "head.bias": (7,)}
    # Norms stay near 1; the others are large enough that every tensor matters.
    return {
        name: torch.randn(shape) * 0.1 + float("norm" in name and name.endswith("weight"))
        for name, shape in shapes.items()
    }


def positions(tokens):
    place = numpy.arange(tokens)[:, None]
    angle = place / numpy.power(10000, 2 * (numpy.arange(DIM) // 2) / DIM)
    angle[:, 0::2], angle[:, 1::2] = numpy.sin(angle[:, 0::2]), numpy.cos(angle[:, 1::2])
    return torch.tensor(angle, dtype=torch.float32)[None]


def forward_features(w, clips):
    """[B, 3, 16, 224, 224] to [B, D]."""
    x = functional.conv3d(clips, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], (TUBELET, PATCH, PATCH))
    x = x.flatten(2).transpose(1, 2)
    x = x + positions(x.shape[1])
    norm = lambda x, name: functional.layer_norm(x, (DIM,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)
    for block in range(DEPTH):
        at = f"blocks.{block}."
        bias = torch.cat([w[at + "attn.q_bias"], torch.zeros(DIM), w[at + "attn.v_bias"]])
        qkv = functional.linear(norm(x, at + "norm1"), w[at + "attn.qkv.weight"], bias)
        q, k, v = qkv.reshape(*x.shape[:2], 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
        scores = ((q * (DIM // HEADS) ** -0.5) @ k.transpose(-2, -1)).softmax(-1)
        mixed = (scores @ v).transpose(1, 2).reshape(x.shape)
        x = x + functional.linear(mixed, w[at + "attn.proj.weight"], w[at + "attn.proj.bias"])
        hidden = functional.gelu(functional.linear(norm(x, at + "norm2"), w[at + "mlp.fc1.weight"], w[at + "mlp.fc1.bias"]))
        x = x + functional.linear(hidden, w[at + "mlp.fc2.weight"], w[at + "mlp.fc2.bias"])
    return norm(x.mean(1), "fc_norm")


@torch.no_grad()
def features(w, frames):
    """[N, height, width, 3] of u8 to [windows, D]."""
    rows = []
    for start in range(0, len(frames) - FRAMES + 1, EVERY):
        clip = torch.from_numpy(frames[start : start + FRAMES]).permute(3, 0, 1, 2).to(torch.float32) / 255
        clip = functional.interpolate(clip, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        rows.append(forward_features(w, clip[None])[0].numpy())
    return numpy.stack(rows)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")


def by_pyav(video):
    try:
        import av
    except ImportError:
        return None
    with av.open(str(video)) as container:
        return numpy.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def main():
    tubelet, videos = sys.argv[1], [Path(video) for video in sys.argv[2:]]
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        w = weights()
        torch.save({"module": w}, folder / "model.pth")
        run(tubelet, "embed", *videos, "--model", folder / "model.pth", "--heads", HEADS,
            "--format", "tad-npy", "--out", folder / "features")  # fmt: skip
        for video in videos:
            found = numpy.load(folder / "features" / f"{video.name.split('.')[0]}.npy")
            pictures = folder / "frames" / video.stem
            run(tubelet, "frames", video, "--out", pictures)
            frames = numpy.stack([numpy.asarray(Image.open(path)) for path in sorted(pictures.iterdir())])
            expected = features(w, frames)
            assert found.dtype == numpy.float32 and found.shape == expected.shape, (found.shape, expected.shape)
            furthest = float(numpy.abs(found - expected).max())
            worst = max(worst, furthest)
            line = f"{video.name}: {len(found)} windows, largest difference {furthest:.1e}, values to {numpy.abs(expected).max():.1f}"
            other = by_pyav(video)
            if other is not None and other.shape == frames.shape:
                levels = numpy.abs(other.astype(int) - frames.astype(int))
                far = float(numpy.abs(found - features(w, other)).max())
                line += f"; PyAV's RGB differs by {levels.mean():.2f} levels, {levels.max()} at most, the features by {far:.1e}"
            print(line, flush=True)
    print(f"largest difference {worst:.1e}, tolerance {TOLERANCE:.0e}")
    assert worst <= TOLERANCE


main()
