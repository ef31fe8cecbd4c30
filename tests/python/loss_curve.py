"""The loss of a run of tubelet beside that of the official code on the same batches, step by step.

    python tests/python/loss_curve.py BATCHES INITIAL RUN OFFICIAL [--heads N,M] [--picture PNG]

OFFICIAL is a checkout of MCG-NJU/VideoMAE: its model, optimiser, schedule and training engine are run as
they are, in f32 on the processor. The other three are made by tubelet, with the same settings S (one
micro-batch an update, `run.log_every=1`, no decoder mask, no clipping, warm-up in steps):

    tubelet pretrain --data VIDEOS --out RUN0 --steps 0 S
    tubelet convert RUN0 INITIAL --to official
    tubelet pretrain --data VIDEOS --out RUN --steps 100 S
    tubelet inspect batches VIDEOS --count CLIPS --out BATCHES S

Needs torch, pyarrow and einops; matplotlib for the picture. Of timm, which the official code imports, only
names are needed: they are stood in for. Exits with 1 when a step's losses are more than 1e-3 of the official
one apart.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import json
import sys
import tomllib
import types
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import torch

TOLERANCE = 1e-3  # relative, at every step
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCH_NAMES = {"to_2tuple": lambda side: (side, side), "trunc_normal_": torch.nn.init.trunc_normal_}
STOOD_IN = {
    "timm": {},
    "timm.models.layers": TORCH_NAMES,
    "timm.models.registry": {"register_model": lambda function: function},
    "timm.data.constants": {"IMAGENET_DEFAULT_MEAN": MEAN, "IMAGENET_DEFAULT_STD": STD},
    "torch._six": {"inf": float("inf")},
    "tensorboardX": {},
}


class StandIn(types.ModuleType):
    """A module of which every name can be imported; those that STOOD_IN does not know are never used."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return STOOD_IN.get(self.__name__, {}).get(name)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("timm", "tensorboardX") or name == "torch._six":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


class Batches:
    """What the official data loader yields: normalised videos B, C, T, H, W and masks B, N (1 = hidden)."""

    def __init__(self, path, steps):
        self.file, self.steps = parquet.ParquetFile(path), steps
        metadata = self.file.schema_arrow.metadata
        assert metadata[b"tubelet.format"] == b"tubelet-clip-batch/1", metadata
        self.geometry = json.loads(metadata[b"tubelet.geometry"])

    def __len__(self):
        return self.steps

    def __iter__(self):
        mean, std = (torch.tensor(values).view(1, 3, 1, 1, 1) for values in (MEAN, STD))
        for step in range(self.steps):
            levels, mask = self.levels(step)
            yield (levels.float() / 255 - mean) / std, mask

    def levels(self, step):
        """Cubes back at their places; a cube's bytes are colour, time, row, column."""
        g, table = self.geometry, self.file.read_row_group(step)
        tubelet, patch = g["tubelet"], g["patch"]
        time, rows, columns = g["frames"] // tubelet, g["height"] // patch, g["width"] // patch
        tokens, cube = time * rows * columns, 3 * tubelet * patch * patch
        cubes = np.zeros((table.num_rows, tokens, cube), np.uint8)
        mask = np.ones((table.num_rows, tokens), np.uint8)
        for kind in ("visible", "target"):
            places, pixels = (table[name].combine_chunks() for name in (kind, f"{kind}_cubes"))
            for row in range(table.num_rows):
                at = places[row].values.to_numpy()
                cubes[row, at] = pixels[row].values.to_numpy().reshape(-1, cube)
                mask[row, at] = kind == "target"
        grid = cubes.reshape(-1, time, rows, columns, 3, tubelet, patch, patch)
        video = grid.transpose(0, 4, 1, 5, 2, 6, 3, 7).reshape(-1, 3, g["frames"], g["height"], g["width"])
        return torch.from_numpy(video.copy()), torch.from_numpy(mask)


class Scaler:
    """In place of the scaler for half precision: follows the gradients, and keeps the losses."""

    def __init__(self):
        self.losses = []

    def __call__(self, loss, optimizer, **_):
        self.losses.append(loss.item())
        loss.backward()
        optimizer.step()

    def state_dict(self):
        return {"scale": 1.0}


def official_model(modeling, weights, geometry, heads):
    """The official model of these weights; only the numbers of heads are not in them."""
    def depth(stack):
        return len({name.split(".")[2] for name in weights if name.startswith(f"{stack}.blocks.")})

    width, narrow = weights["encoder.norm.weight"].numel(), weights["decoder.norm.weight"].numel()
    model = modeling.PretrainVisionTransformer(
        img_size=geometry["height"],
        patch_size=geometry["patch"],
        encoder_embed_dim=width,
        encoder_depth=depth("encoder"),
        encoder_num_heads=heads[0] if heads else width // 64,
        decoder_num_classes=weights["decoder.head.bias"].numel(),
        decoder_embed_dim=narrow,
        decoder_depth=depth("decoder"),
        decoder_num_heads=heads[1] if heads else narrow // 64,
        mlp_ratio=weights["encoder.blocks.0.mlp.fc1.bias"].numel() / width,
        qkv_bias=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )
    model.load_state_dict(weights)
    return model


def rates_and_adamw(utils, optimiser, batch, steps, warmup):
    """The rate of each step, grown with the batch, and what the official code asks of its command line for AdamW."""
    scale = batch / 256
    rates = utils.cosine_scheduler(
        optimiser["base_lr"] * scale,
        optimiser["floor_lr"] * scale,
        epochs=1,
        niter_per_ep=steps,
        warmup_epochs=int(warmup > 0),
        warmup_steps=warmup,
    )
    settings = argparse.Namespace(
        opt="adamw",
        lr=rates[0],
        weight_decay=optimiser["weight_decay"],
        opt_eps=optimiser["epsilon"],
        opt_betas=(optimiser["beta1"], optimiser["beta2"]),
    )
    return rates, settings


def official_losses(official, batches, initial, recipe, heads):
    """The loss of each step of the official engine."""
    sys.path.insert(0, str(official))
    sys.meta_path.append(StandIns())
    import engine_for_pretraining, modeling_pretrain, optim_factory, utils

    optimiser, warmup = recipe["optimiser"], recipe["schedule"]["warmup_steps"]
    assert warmup > 0 or recipe["schedule"]["warmup_epochs"] == 0, "the warm-up must be given in steps"
    assert recipe["mask"]["decoder"] == "none" and optimiser["clip_norm"] == 0, "neither is in the official code"
    weights = torch.load(initial, weights_only=True)["model"]
    model = official_model(modeling_pretrain, weights, batches.geometry, heads)
    rates, settings = rates_and_adamw(utils, optimiser, optimiser["batch"], len(batches), warmup)
    scaler = Scaler()
    torch.cuda.synchronize = lambda: None  # the engine asks for it without a card, too
    engine_for_pretraining.train_one_epoch(
        model,
        batches,
        optim_factory.create_optimizer(settings, model),
        torch.device("cpu"),
        0,
        scaler,
        patch_size=batches.geometry["patch"],
        normlize_target=recipe["model"]["target"] == "normalised",
        start_steps=0,
        lr_schedule_values=rates,
    )
    return scaler.losses, rates


def draw(path, ours, theirs, apart):
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is not there")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 6), height_ratios=(3, 1))
    above.plot(theirs, color="#999999", linewidth=5, label="official VideoMAE, PyTorch")
    above.plot(ours, color="#c03020", linewidth=1.2, label="tubelet")
    above.set_ylabel("loss")
    above.legend()
    below.semilogy(np.maximum(apart, 1e-9), color="#305080")
    below.axhline(TOLERANCE, color="#999999", linestyle="--")
    below.set_ylabel("relative difference")
    below.set_xlabel("step")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def steps_of(run):
    """The metrics of every step of a run."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)), "a line a step is needed"
    return lines


def conclude(lines, theirs, rates, picture):
    """Prints how far the losses are apart, draws them, and ends with 1 where that is too far."""
    ours, theirs = np.array([line["loss"] for line in lines]), np.array(theirs)
    apart = np.abs(ours - theirs) / theirs
    rate_apart = np.abs(np.array([line["lr"] for line in lines]) - rates).max() / rates.max()
    print(f"{'step':>5} {'official':>10} {'tubelet':>10} {'relative difference':>20}")
    for step in sorted({*range(0, len(ours), 10), len(ours) - 1, int(apart.argmax())}):
        print(f"{step + 1:5} {theirs[step]:10.6f} {ours[step]:10.6f} {apart[step]:20.2e}")
    print(f"{len(ours)} steps: largest relative difference {apart.max():.2e}, median {np.median(apart):.2e}")
    print(f"learning rates: largest difference {rate_apart:.1e} of the peak")
    if picture:
        draw(picture, ours, theirs, apart)
    sys.exit(int(not apart.max() <= TOLERANCE))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("batches", "initial", "run", "official"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--heads", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()

    lines = steps_of(given.run)
    recipe = tomllib.loads((given.run / "recipe.toml").read_text())
    batches = Batches(given.batches, len(lines))
    with contextlib.redirect_stdout(sys.stderr):
        theirs, rates = official_losses(given.official, batches, given.initial, recipe, given.heads)

    conclude(lines, theirs, rates, given.picture)


if __name__ == "__main__":
    main()
