"""Files that tubelet converts, read by the programs that they are for.

    python tests/python/checkpoint_roundtrip.py TUBELET FOLDER

TUBELET is the command. FOLDER holds checkpoints of other programs with expected outputs
(schema "tubelet-checkpoints/1"). Needs torch, safetensors and transformers, of which any version from
4.40 may be on the path. Every file of FOLDER goes official -> tubelet -> Hugging Face -> tubelet ->
official; what transformers loads must have no missing and no unexpected key and give the expected
outputs, and what torch loads (weights only) must hold the bits that the first file held.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import VideoMAEForPreTraining, VideoMAEForVideoClassification, VideoMAEModel

CLASSES = {
    "VideoMAEForPreTraining": VideoMAEForPreTraining,
    "VideoMAEForVideoClassification": VideoMAEForVideoClassification,
    "VideoMAEModel": VideoMAEModel,
}


def convert(tubelet, source, target, form, *more):
    command = [tubelet, "convert", source, target, "--to", form, *more]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")


def official_weights(path):
    """The table of weights in a .pth, and whether torch took it for weights alone."""
    try:
        file, alone = torch.load(path, map_location="cpu", weights_only=True), True
    except Exception:  # a whole training file holds a Namespace
        file, alone = torch.load(path, map_location="cpu", weights_only=False), False
    return file.get("model", file.get("module", file)), alone


def bare(name):
    return name.removeprefix("backbone.")


def load(folder):
    """The model that transformers makes of `folder`."""
    config = json.loads((folder / "config.json").read_text())
    kind = CLASSES[config["architectures"][0]]
    model, said = kind.from_pretrained(folder, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not said.get(what), f"{folder}: {what}: {said[what]}"
    return model.eval()


def pixels(meta, levels):
    """B, T, H, W, 3 levels to B, T, 3, H, W normalised numbers, which is what transformers takes."""
    clip = meta["clip"]
    mean, std = torch.tensor(clip["mean"]), torch.tensor(clip["std"])
    return ((levels.float() / 255 - mean) / std).permute(0, 1, 4, 2, 3)


@torch.no_grad()
def difference(model, meta, expected):
    """Largest difference from what transformers gives with the same weights; none for a bare encoder."""
    clip = pixels(meta, expected["input.u8"])
    if isinstance(model, VideoMAEForPreTraining):
        found = model(clip, bool_masked_pos=expected["mask"].bool()).logits
        wanted = expected["hf.pretrain.prediction"]
    elif isinstance(model, VideoMAEForVideoClassification):
        found, wanted = model(clip).logits, expected["hf.finetune.logits"]
    else:
        return None
    return (found - wanted).abs().max().item()


def check(tubelet, meta, expected, work, path):
    clip, stacks = meta["clip"], meta["pretrain"]
    first, hugging_face, last = work / "first.safetensors", work / "hf", work / "last.pth"
    hints = []
    if path.suffix == ".pth":
        heads = f"{stacks['encoder']['heads']},{stacks['decoder']['heads']}"
        hints = ["--heads", heads, "--frames", clip["frames"], "--size", f"{clip['height']}x{clip['width']}"]
    convert(tubelet, path, first, "tubelet", *hints)
    convert(tubelet, first, hugging_face, "hf")
    convert(tubelet, hugging_face, work / "second.safetensors", "tubelet")
    convert(tubelet, work / "second.safetensors", last, "official")

    apart = difference(load(hugging_face), meta, expected)
    weights, alone = official_weights(last)
    assert alone, f"{last} is not taken for weights alone"
    if path.suffix == ".pth":
        wanted = {bare(name): tensor for name, tensor in official_weights(path)[0].items()}
        assert list(weights) == list(wanted), f"{path}: other names, or in another order"
    else:
        wanted = load_file(first)
        assert set(weights) == set(wanted), f"{path}: other names"
    for name, tensor in wanted.items():
        same = torch.equal(weights[name].view(torch.int32), tensor.view(torch.int32))
        assert same and weights[name].dtype == torch.float32, f"{path}: {name} has other bits"
    said = "loads" if apart is None else f"loads, outputs {apart:.1e} apart"
    print(f"{path.name:32} {len(weights):4} tensors, same bits; transformers {transformers.__version__} {said}")
    assert apart is None or apart <= meta["tolerance"]["abs"], f"{path}: {apart} apart"


def main():
    tubelet, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["schema"] == "tubelet-checkpoints/1", meta["schema"]
    expected = load_file(folder / meta["expected"]["file"])
    for path in sorted(folder.iterdir()):
        if path.suffix == ".pth" or (path / "config.json").exists():
            with tempfile.TemporaryDirectory() as work:
                check(tubelet, meta, expected, Path(work), path)


if __name__ == "__main__":
    main()
