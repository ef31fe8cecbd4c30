"""Classifiers of tubelet in transformers, and the official code's in tubelet, on the same clips.

    python tests/python/exchange_classifier.py TUBELET CLASSIFY OFFICIAL VIDEO... [--classifier MODEL]

TUBELET is the command, CLASSIFY the example `classify` of the trainer, OFFICIAL a checkout of MCG-NJU/VideoMAE.
Of each VIDEO one clip of 16 frames is taken as `tubelet frames` writes them. Two ways are gone: the official
classifier with random weights, saved by torch, is read by tubelet; and what `tubelet convert --to hf` makes of it,
and of MODEL (a fine-tuned run), is opened by transformers, of which any version from 4.40 may be on the path. On
every clip both must name the same five classes in the same order, with logits at most 1e-4 apart; no key may be
missing or unexpected, names of classes and the mean and deviation of pixels must have come along. Needs torch,
numpy, Pillow, safetensors and transformers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy
import torch
import transformers
from golden_finetune import StandIns
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import VideoMAEForVideoClassification, VideoMAEImageProcessor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FRAMES, STRIDE, CLASSES, TOLERANCE = 16, 4, 400, 1e-4


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def clip_of(tubelet, video, folder, height, width, frames):
    """Frames of the beginning of a video, the short side fitted, the middle cut out: T, H, W, 3."""
    run(tubelet, "frames", video, "--indices", ",".join(str(STRIDE * at) for at in range(frames)), "--out", folder)
    clip = []
    for path in sorted(folder.iterdir()):
        picture = Image.open(path).convert("RGB")
        scale = max(height / picture.height, width / picture.width)
        size = max(width, round(picture.width * scale)), max(height, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        clip.append(numpy.asarray(picture.crop((left, top, left + width, top + height))))
    assert len(clip) == frames, f"{video}: {len(clip)} frames"
    return numpy.stack(clip)


def official_model(official):
    """The official classifier; biases, norms and head are shaken, so that every tensor matters."""
    sys.path.insert(0, str(official))
    sys.meta_path.append(StandIns())
    import modeling_finetune

    torch.manual_seed(9)
    model = modeling_finetune.VisionTransformer(
        num_classes=CLASSES,
        embed_dim=192,
        depth=4,
        num_heads=3,
        qkv_bias=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        all_frames=FRAMES,
        tubelet_size=2,
        use_mean_pooling=True,
    ).eval()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            spread = 0.2 if tensor.dim() == 1 or name.startswith("head") else 0.05
            tensor.add_(torch.randn(tensor.shape) * spread)
    return model


def normalised(clips, mean, std):
    """B, T, H, W, 3 levels to B, T, 3, H, W."""
    return ((torch.from_numpy(clips).float() / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 1, 4, 2, 3)


def compare(what, ours, theirs):
    five = lambda logits: logits.topk(min(5, logits.shape[-1])).indices
    apart = (ours - theirs).abs().max().item()
    same = (five(ours) == five(theirs)).all(-1).sum().item()
    spread = theirs.std(-1).mean().item()
    print(f"{what}: {len(ours)} clips, the same top-5 on {same}, logits at most {apart:.1e} apart (spread {spread:.2f})")
    return apart <= TOLERANCE and same == len(ours)


@torch.no_grad()
def in_transformers(folder, clips):
    """Logits of what transformers makes of a folder, by the folder's own mean and deviation."""
    model, said = VideoMAEForVideoClassification.from_pretrained(folder, output_loading_info=True)
    for keys in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not said.get(keys), f"{folder}: {keys}: {said[keys]}"
    processor = VideoMAEImageProcessor.from_pretrained(folder)
    for found, wanted in ((processor.image_mean, MEAN), (processor.image_std, STD)):
        assert numpy.allclose(found, wanted, atol=1e-7), f"{folder}: {found} for {wanted}"
    config = model.config
    assert len(config.id2label) == config.num_labels and config.use_mean_pooling, config
    pixels = normalised(clips, processor.image_mean, processor.image_std)
    return torch.cat([model.eval()(clip[None]).logits for clip in pixels]), config


def asked(classify, model, clips, work):
    save_file({"input.u8": torch.from_numpy(clips)}, work / "clips.safetensors")
    run(classify, model, work / "clips.safetensors", work / "out.safetensors")
    return load_file(work / "out.safetensors")["logits"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("tubelet", "classify", "official"):
        parser.add_argument(name, type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--classifier", type=Path)
    given = parser.parse_args()
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    good = True
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)

        def clips_of(name, height, width, frames):
            of = lambda at, video: clip_of(given.tubelet, video, work / f"{name}-{at}", height, width, frames)
            return numpy.stack([of(at, video) for at, video in enumerate(given.videos)])

        clips = clips_of("official", 224, 224, FRAMES)
        model = official_model(given.official)
        torch.save({"model": model.state_dict()}, work / "official.pth")
        names = work / "classes.txt"
        names.write_text("".join(f"class no. {at}\n" for at in range(CLASSES)))
        with torch.no_grad():
            pixels = normalised(clips, MEAN, STD).transpose(1, 2)
            wanted = torch.cat([model(clip[None]) for clip in pixels])
        ours = asked(given.classify, work / "official.pth", clips, work)
        good &= compare("the official classifier in tubelet", ours, wanted)
        run(given.tubelet, "convert", work / "official.pth", work / "official-hf", "--to", "hf", "--classes", names)
        theirs, config = in_transformers(work / "official-hf", clips)
        assert config.id2label[7] == "class no. 7", config.id2label
        good &= compare("the official classifier, through tubelet, in transformers", theirs, wanted)

        if given.classifier:
            folder = work / "tubelet-hf"
            run(given.tubelet, "convert", given.classifier, folder, "--to", "hf")
            config = json.loads((folder / "config.json").read_text())
            side = config["image_size"]
            height, width = side if isinstance(side, list) else (side, side)
            clips = clips_of("tubelet", height, width, config["num_frames"])
            ours = asked(given.classify, given.classifier, clips, work)
            theirs, config = in_transformers(folder, clips)
            good &= compare(f"tubelet's classifier of {config.num_labels} classes in transformers", theirs, ours)
    sys.exit(int(not good))


if __name__ == "__main__":
    main()
