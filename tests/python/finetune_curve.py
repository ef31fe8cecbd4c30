"""The loss of a fine-tuning of tubelet beside that of the official code on the same batches, step by step.

    python tests/python/finetune_curve.py BATCHES RUN OFFICIAL [--picture PNG]

OFFICIAL is a checkout of MCG-NJU/VideoMAE: its model, optimiser with layer decay, schedule, mixed targets and
training engine are run as they are, in f32 on the processor. The other two are made by tubelet, with the same
settings S (one micro-batch an update, `run.log_every=1`, warm-up in steps, `model.drop_path=0`,
`augment.erase=0`, for what is erased is noise of tubelet's own):

    tubelet finetune --data VIDEOS --init FILE --out RUN --steps 60 --set run.checkpoint_every=1000 S
    tubelet inspect batches VIDEOS --finetune --count CLIPS --out BATCHES S

Every `classifier.problem_type` and `classifier.class_weights` is compared: a cross entropy whose targets are weighed,
PyTorch's `BCEWithLogitsLoss` (with `pos_weight`) and its `MSELoss` take the place of the official loss.

The initial weights are those of RUN/checkpoint-0.safetensors. Needs torch, safetensors and pyarrow; matplotlib
for the picture. Exits with 1 when a step's losses are more than 1e-3 of the official one apart.
"""

import argparse
import contextlib
import importlib.machinery
import json
import sys
import tomllib
from functools import partial
from pathlib import Path

import pyarrow.parquet as parquet
import torch
from loss_curve import MEAN, STD, STOOD_IN, Scaler, StandIns, conclude, rates_and_adamw, steps_of
from safetensors import safe_open

STOOD_IN["timm.models.layers"]["to_2tuple"] = lambda side: side if isinstance(side, tuple) else (side, side)


class MoreStandIns(StandIns):
    """The engine also imports scipy, for a sum that is not asked for here."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "scipy":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return super().find_spec(name, path, target)


class Batches:
    """What the official data loader yields: normalised videos B, C, T, H, W, classes, and two things unused."""

    def __init__(self, path, steps):
        self.file, self.steps = parquet.ParquetFile(path), steps
        metadata = self.file.schema_arrow.metadata
        assert metadata[b"tubelet.format"] == b"tubelet-labelled-batch/1", metadata
        self.geometry = json.loads(metadata[b"tubelet.geometry"])
        self.mixed = json.loads(self.file.metadata.metadata[b"tubelet.mix"])

    def __len__(self):
        return self.steps

    def __iter__(self):
        mean, std = (torch.tensor(values).view(1, 3, 1, 1, 1) for values in (MEAN, STD))
        for step in range(self.steps):
            table = self.file.read_row_group(step)
            assert table["erase"].null_count == table.num_rows, "nothing may be erased"
            several = "labels" in table.column_names
            labels = torch.tensor(table["labels" if several else "label"].to_pylist())
            yield (self.levels(table).float() / 255 - mean) / std, labels, None, None

    def levels(self, table):
        """Frames of cubes, whose bytes are colour, time, row, column."""
        g = self.geometry
        tubelet, patch = g["tubelet"], g["patch"]
        time, rows, columns = g["frames"] // tubelet, g["height"] // patch, g["width"] // patch
        cubes = table["cubes"].combine_chunks().flatten().to_numpy()
        grid = cubes.reshape(-1, time, rows, columns, 3, tubelet, patch, patch)
        video = grid.transpose(0, 4, 1, 5, 2, 6, 3, 7).reshape(-1, 3, g["frames"], g["height"], g["width"])
        return torch.from_numpy(video.copy())


class Mixing:
    """In place of the official `Mixup`, whose draws are its own: mixes as tubelet drew it."""

    def __init__(self, mixup, mixed, classes, smoothing, head):
        self.mixup, self.mixed, self.classes, self.smoothing = mixup, iter(mixed), classes, smoothing
        self.problem, self.weights = problem_of(head)

    def __call__(self, samples, labels):
        mix = next(self.mixed)
        turned = samples.flip(0)
        if mix["box"]:
            top, bottom, left, right = mix["box"]
            samples = samples.clone()
            samples[..., top:bottom, left:right] = turned[..., top:bottom, left:right]
        else:
            samples = samples * mix["lambda"] + turned * (1 - mix["lambda"])
        return samples, self.targets(labels, mix["lambda"])

    def targets(self, labels, share):
        """One class: the official mix of smoothed classes. Others: labels smoothed to a half, or numbers, mixed."""
        if self.problem == "single_label_classification":
            targets = self.mixup.mixup_target(labels, self.classes, share, self.smoothing, "cpu")
            return targets if self.weights is None else targets * self.weights
        if self.problem == "multi_label_classification":
            labels = labels * (1 - self.smoothing) + 0.5 * self.smoothing
        return labels * share + labels.flip(0) * (1 - share)


def problem_of(head):
    """The kind of answer of a recipe's head, and its weights of classes."""
    weights = head.get("class_weights")
    weights = torch.tensor(weights) if isinstance(weights, list) else None
    return head.get("problem_type", "single_label_classification"), weights


def loss_of(head):
    """The loss of a recipe's head. Weights of one class a video are in its targets."""
    problem, weights = problem_of(head)
    if problem == "multi_label_classification":
        return torch.nn.BCEWithLogitsLoss(pos_weight=weights)
    return torch.nn.MSELoss() if problem == "regression" else soft_target_loss


def soft_target_loss(logits, targets):
    """timm's SoftTargetCrossEntropy."""
    return torch.sum(-targets * torch.nn.functional.log_softmax(logits, dim=-1), dim=-1).mean()


def official_model(modeling, checkpoint):
    """The official classifier with the weights of a checkpoint of tubelet, and what that says of itself."""
    with safe_open(checkpoint, "pt") as file:
        about = json.loads(file.metadata()["model"])
        encoder, geometry, epsilons = about["encoder"], about["geometry"], about["epsilons"]
        assert set(epsilons.values()) == {1e-6}, epsilons
        model = modeling.VisionTransformer(
            img_size=(geometry["height"], geometry["width"]),
            patch_size=geometry["patch"],
            num_classes=len(about["labels"]),
            embed_dim=encoder["dim"],
            depth=encoder["depth"],
            num_heads=encoder["heads"],
            mlp_ratio=encoder["hidden"] / encoder["dim"],
            qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            all_frames=geometry["frames"],
            tubelet_size=geometry["tubelet"],
            use_mean_pooling=True,
        )
        model.load_state_dict({name: file.get_tensor(name) for name in model.state_dict()})
    return model, len(about["labels"])


def official_losses(official, batches, run, recipe):
    """The loss of each step of the official engine."""
    sys.path.insert(0, str(official))
    sys.meta_path.append(MoreStandIns())
    import engine_for_finetuning, mixup, modeling_finetune, optim_factory, utils

    optimiser, warmup, augment = recipe["optimiser"], recipe["schedule"]["warmup_steps"], recipe["augment"]
    assert warmup > 0, "the warm-up must be given in steps"
    assert optimiser["micro_batch"] in (0, optimiser["batch"]), "a batch must be an update"
    assert optimiser["clip_norm"] == 0 and recipe["model"]["drop_path"] == 0 and recipe["classifier"]["dropout"] == 0
    model, classes = official_model(modeling_finetune, run / "checkpoint-0.safetensors")
    videos = optimiser["batch"] / recipe["clip"]["repeats"]
    rates, settings = rates_and_adamw(utils, optimiser, videos, len(batches), warmup)
    layers, decay = model.get_num_layers() + 1, optimiser["layer_decay"]
    assigner = optim_factory.LayerDecayValueAssigner([decay ** (layers - layer) for layer in range(layers + 1)])
    scaler = Scaler()
    torch.cuda.synchronize = lambda: None  # the engine asks for it without a card, too
    engine_for_finetuning.train_one_epoch(
        model,
        loss_of(recipe["classifier"]),
        batches,
        optim_factory.create_optimizer(
            settings, model, get_num_layer=assigner.get_layer_id, get_layer_scale=assigner.get_scale
        ),
        torch.device("cpu"),
        0,
        scaler,
        mixup_fn=Mixing(mixup, batches.mixed, classes, augment["smoothing"], recipe["classifier"]),
        start_steps=0,
        lr_schedule_values=rates,
        num_training_steps_per_epoch=len(batches),
        update_freq=1,
    )
    return scaler.losses, rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("batches", "run", "official"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()

    lines = steps_of(given.run)
    recipe = tomllib.loads((given.run / "recipe.toml").read_text())
    batches = Batches(given.batches, len(lines))
    with contextlib.redirect_stdout(sys.stderr):
        theirs, rates = official_losses(given.official, batches, given.run, recipe)

    conclude(lines, theirs, rates, given.picture)


if __name__ == "__main__":
    main()
