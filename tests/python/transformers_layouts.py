"""Models of transformers in every way that people save them, read by tubelet to the same logits.

    python tests/python/transformers_layouts.py CLASSIFY [GOLDEN [TUBELET]]

CLASSIFY is the example `classify` of the trainer. Small classifiers and pre-training models with random weights are
saved by the version of transformers that is on the path (any from 4.40): whole and in shards, as safetensors and
as .bin, under Lightning's key and prefix, with and without the norm behind the encoder. Where the version trains
a key's bias, it is not zero. With GOLDEN, a folder of schema "tubelet-checkpoints/1", VideoMAE V2's own Hugging Face
layout is made of an official classifier too; with TUBELET, the command, the same without its head is converted and
must give the same features in transformers. What CLASSIFY gives must be at most 1e-5 from what transformers gives.
Needs torch, numpy, safetensors and transformers.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import VideoMAEConfig, VideoMAEForPreTraining, VideoMAEForVideoClassification

MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
TOLERANCE, CLIPS, FRAMES, SIDE, PATCH = 1e-5, 2, 4, 32, 16
TOKENS = FRAMES // 2 * (SIDE // PATCH) ** 2
PROCESSOR = {"image_mean": MEAN.tolist(), "image_std": STD.tolist()}


def config(**more):
    return VideoMAEConfig(
        image_size=SIDE, patch_size=PATCH, num_frames=FRAMES, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, decoder_hidden_size=16, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2, decoder_intermediate_size=32, **more,
    )


def shaken(model):
    """Random values in every tensor, so that each matters."""
    torch.manual_seed(5)
    with torch.no_grad():
        for _, tensor in model.named_parameters():
            tensor.add_(torch.randn(tensor.shape) * 0.2)
    return model.eval()


def saved(model, work):
    """The model in every way that it is saved: a name and a path each."""
    plain, shards = work / "plain", work / "shards"
    model.save_pretrained(plain)
    model.save_pretrained(shards, max_shard_size="20KB")
    assert len(list(shards.glob("model-*.safetensors"))) > 1, "the model was not split"
    state = model.state_dict()
    binary, binaries, lightning = work / "bin", work / "bins", work / "lightning"
    for folder in (binary, binaries, lightning):
        folder.mkdir()
        (folder / "config.json").write_text((plain / "config.json").read_text())
    torch.save(state, binary / "pytorch_model.bin")
    names = sorted(state)
    parts = {f"pytorch_model-0000{at + 1}-of-00002.bin": names[at::2] for at in range(2)}
    for name, part in parts.items():
        torch.save({key: state[key] for key in part}, binaries / name)
    where = {key: name for name, part in parts.items() for key in part}
    (binaries / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    torch.save(
        {"epoch": 3, "state_dict": {f"model.{name}": tensor for name, tensor in state.items()}, "callbacks": {}},
        lightning / "last.ckpt",
    )
    for folder in (plain, shards, binary, binaries, lightning):
        (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return [("whole", plain), ("shards", shards), (".bin", binary), (".bin shards", binaries),
            ("Lightning", lightning / "last.ckpt")]


def asked(classify, model, clips, work):
    save_file(clips, work / "clips.safetensors")
    command = [str(part) for part in (classify, model, work / "clips.safetensors", work / "out.safetensors")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return load_file(work / "out.safetensors")


def compare(what, ours, theirs):
    apart = (ours.reshape(-1) - theirs.reshape(-1)).abs().max().item()
    print(f"transformers {transformers.__version__:8} {what:50} {apart:.1e}")
    return apart <= TOLERANCE


@torch.no_grad()
def main():
    classify = Path(sys.argv[1]).resolve()
    torch.manual_seed(1)
    frames = torch.randint(0, 256, (CLIPS, FRAMES, SIDE, SIDE, 3), dtype=torch.uint8)
    mask = torch.zeros(CLIPS, TOKENS, dtype=torch.bool)
    mask[:, 1::2] = True
    clips = {"input.u8": frames, "mask": mask.to(torch.uint8)}
    pixels = ((frames.float() / 255 - MEAN) / STD).permute(0, 1, 4, 2, 3)
    good, biases = True, 0
    models = [("classifier", VideoMAEForVideoClassification(config(num_labels=5)))]
    models += [
        (f"pre-training, use_mean_pooling {pooled}", VideoMAEForPreTraining(config(use_mean_pooling=pooled)))
        for pooled in (False, True)
    ]
    for name, model in models:
        model = shaken(model)
        biases += sum(key.endswith("key.bias") for key in model.state_dict())
        with tempfile.TemporaryDirectory() as work:
            work = Path(work)
            of_class = name == "classifier"
            wanted = model(pixels).logits if of_class else model(pixels, bool_masked_pos=mask).logits
            for way, path in saved(model, work):
                found = asked(classify, path, clips, work)["logits" if of_class else "prediction"]
                good &= compare(f"{name}, {way}", found, wanted)
    print(f"biases of keys, none zero: {biases}")
    if len(sys.argv) > 2:
        good &= v2(classify, Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
    sys.exit(int(not good))


@torch.no_grad()
def v2(classify, folder, tubelet):
    """VideoMAE V2's layout on Hugging Face, of the official classifier in FOLDER."""
    meta = json.loads((folder / "meta.json").read_text())
    expected = load_file(folder / meta["expected"]["file"])
    clip = meta["clip"]
    assert clip["height"] == clip["width"], "V2's config knows squares alone"
    weights = torch.load(folder / "official_finetune_bare.pth", map_location="cpu", weights_only=True)
    weights = weights.get("model", weights)
    dim = weights["patch_embed.proj.weight"].shape[0]
    depth = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    heads = meta["pretrain"]["encoder"]["heads"]
    good = True
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        for head in (True, False):
            target = work / f"v2-{head}"
            target.mkdir()
            kept = {f"model.{n}": t.contiguous() for n, t in weights.items() if head or not n.startswith("head.")}
            save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
            model = {"img_size": clip["height"], "patch_size": clip["patch"], "in_chans": 3, "embed_dim": dim,
                     "depth": depth, "num_heads": heads, "tubelet_size": clip["tubelet"],
                     "num_frames": clip["frames"], "use_mean_pooling": True, "layer_norm_eps": 1e-6,
                     "num_classes": len(weights["head.bias"]) if head else 0, "cos_attn": False}
            said = {"model_type": "VideoMAEv2_Base", "model_config": model}
            (target / "config.json").write_text(json.dumps(said))
        found = asked(classify, work / "v2-True", {"input.u8": expected["input.u8"]}, work)
        good &= compare("V2's layout, of the official classifier", found["logits"], expected["finetune.logits"])
        if tubelet:
            features = asked(classify, work / "v2-False", {"input.u8": expected["input.u8"]}, work)["features"]
            good &= torch.equal(features, found["features"])
            subprocess.run([tubelet, "convert", work / "v2-False", work / "hf", "--to", "hf"], check=True)
            model, said = VideoMAEForVideoClassification.from_pretrained(work / "hf", output_loading_info=True)
            if any(name.endswith("key.bias") for name in said["missing_keys"]):
                print(f"transformers {transformers.__version__} does not read the published names of biases")
                return good
            assert not any(said.get(keys) for keys in ("missing_keys", "unexpected_keys")), said
            model.fc_norm.eps = 1e-6
            pixels = ((expected["input.u8"].float() / 255 - MEAN) / STD).permute(0, 1, 4, 2, 3)
            good &= compare("V2's features, converted, in transformers", features, model.eval()(pixels).logits)
    return good


if __name__ == "__main__":
    main()
