"""Golden folders for fine-tuning, from the official classifier and optimiser in PyTorch.

    python tests/python/golden_finetune.py OFFICIAL OUT [NAME=VALUE...]
    python tests/python/golden_finetune.py OFFICIAL OUT --drawn COUNT [SEED]

OFFICIAL is a checkout of MCG-NJU/VideoMAE. OUT gets meta.json and tensors.safetensors in the form
"tubelet-finetune-golden/1"; `trainer/tests/golden/official_finetune` was made so. Anything in SETTINGS can be said
otherwise: `image=40x24 patch=8 dim=20 classes=11 betas=0.9,0.99 clip_grad=none ema_decay=none`. The second form makes
folders of drawn settings in OUT: one token, many classes, odd sizes, each loss, with and without accumulation,
clipping, layer decay and average. To compare:

    GOLDEN_DIRS=$(ls -d OUT/* | paste -sd:) cargo test -p tubelet-trainer --test golden_finetune -- --nocapture

`dtype=f64` computes in double precision (and writes f32): what an f32 run differs from it by is rounding. Needs
torch, numpy and safetensors. Of timm, which the official code imports, only names are needed.
"""

import contextlib
import importlib.abc
import importlib.machinery
import io
import json
import math
import random
import sys
import types
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
SETTINGS = dict(
    image=[16, 24], patch=8, frames=4, tubelet=2, dim=12, depth=2, heads=2, mlp_ratio=3.0, classes=3, batch=4,
    loss="soft_target", smoothing=0.1, accumulation=2, base_lr=2e-3, min_lr=1e-5, weight_decay=0.05,
    betas=[0.9, 0.999], eps=1e-8, layer_decay=0.7, clip_grad=2.0, ema_decay=0.9, drop_path=0.3, epochs=3,
    steps_per_epoch=4, warmup_epochs=1, first_step=2, steps=4, shake=0.1, seed=20263, dtype="f32",
)  # fmt: skip
GEOMETRY = ("image", "patch", "frames", "tubelet", "dim", "depth", "heads", "mlp_ratio", "classes", "batch")
OPTIMIZER = ("base_lr", "min_lr", "weight_decay", "betas", "eps", "layer_decay", "clip_grad")
KEPT = []


def drop_path(tokens, rate, training):
    """timm's, with the draws kept."""
    if not rate or not training:
        return tokens
    keep = (torch.rand(tokens.shape[0]) >= rate).to(tokens.dtype)
    KEPT.append(keep)
    return tokens / (1 - rate) * keep.view(-1, *[1] * (tokens.dim() - 1))


NAMES = {
    "drop_path": drop_path,
    "to_2tuple": lambda side: side if isinstance(side, (tuple, list)) else (side, side),
    "trunc_normal_": torch.nn.init.trunc_normal_,
    "register_model": lambda function: function,
}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Every module of timm, with every name that is asked for; those not in NAMES are never used."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "timm":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: NAMES.get(name) if not name.startswith("__") else None
        return module

    def exec_module(self, module):
        pass


def read(name, text):
    """The value of a setting as it is said on the command line."""
    assert name in SETTINGS, f"{name} is none of {', '.join(SETTINGS)}"
    default = SETTINGS[name]
    if text == "none":
        return None
    if isinstance(default, list):
        return [type(default[0])(part) for part in text.replace("x", ",").split(",")]
    return (float if default is None else type(default))(text)


def drawn(number, seed):
    """Settings of unusual shapes; which of them is unusual goes round."""
    draw = random.Random(f"{seed} {number}")
    heads, patch, tubelet = draw.choice([1, 2, 3, 5]), draw.choice([4, 6, 8, 14, 16]), draw.choice([1, 2, 3, 4])
    rows, columns, times = draw.choice([(1, 1, 1), (1, 3, 1), (2, 1, 2), (2, 3, 2), (3, 2, 4), (1, 5, 3)])
    if number % 6 == 0:
        rows, columns, times = 1, 1, 1
    accumulation = draw.choice([1, 1, 2, 3])
    decay = draw.choice([0.65, 0.75, 0.9, 1.0])
    return dict(
        SETTINGS, image=[patch * rows, patch * columns], patch=patch, frames=tubelet * times, tubelet=tubelet,
        dim=heads * 2 * draw.choice([3, 4, 7, 12, 16]), depth=draw.choice([1, 2, 3, 4]), heads=heads,
        mlp_ratio=draw.choice([1.0, 2.5, 3.0, 4.0]), classes=[2, 7, 51, 174, 400, 710][number % 6],
        batch=2 * accumulation * draw.choice([1, 1, 2]), accumulation=accumulation,
        loss=draw.choice(["soft_target", "label_smoothing"]), smoothing=draw.choice([0.0, 0.1, 0.2]),
        base_lr=draw.choice([5e-4, 1e-3, 2e-3]), min_lr=draw.choice([0.0, 1e-6, 1e-5]),
        weight_decay=draw.choice([0.05, 0.1]), betas=draw.choice([[0.9, 0.999], [0.9, 0.99], [0.9, 0.95]]),
        eps=draw.choice([1e-8, 1e-8, 1e-6]), layer_decay=decay, clip_grad=draw.choice([None, 0.5, 5.0]),
        ema_decay=draw.choice([None, 0.9, 0.99]), drop_path=draw.choice([0.1, 0.3]), epochs=draw.choice([3, 4]),
        steps_per_epoch=draw.choice([4, 10]), warmup_epochs=draw.choice([0, 1]), first_step=draw.choice([0, 2]),
        steps=draw.choice([3, 5]), shake=draw.choice([0.05, 0.1]), seed=number,
    )  # fmt: skip


def rate_at(s, step):
    """`cosine_scheduler` of the official utils.py."""
    warmup, total = s["warmup_epochs"] * s["steps_per_epoch"], s["epochs"] * s["steps_per_epoch"]
    if step < warmup:
        return s["base_lr"] * step / (warmup - 1)
    share = (step - warmup) / (total - warmup)
    return s["min_lr"] + 0.5 * (s["base_lr"] - s["min_lr"]) * (1 + math.cos(math.pi * share))


def groups_of(optim_factory, model, s):
    """Groups of the optimiser, and what each tensor's is."""
    depth, decay = s["depth"], s["layer_decay"]
    layer = scale = None
    if decay < 1:
        assigner = optim_factory.LayerDecayValueAssigner([decay ** (depth + 1 - i) for i in range(depth + 2)])
        layer, scale = assigner.get_layer_id, assigner.get_scale
    with contextlib.redirect_stdout(io.StringIO()):
        groups = optim_factory.get_parameter_groups(model, s["weight_decay"], (), layer, scale)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    about = {
        names[id(parameter)]: dict(
            lr_scale=group["lr_scale"], weight_decay=group["weight_decay"],
            layer=layer and layer(names[id(parameter)]),
        )
        for group in groups for parameter in group["params"]
    }  # fmt: skip
    return groups, about


def write(modeling_finetune, optim_factory, s, out):
    torch.manual_seed(s["seed"])
    real = {"f32": torch.float32, "f64": torch.float64}[s["dtype"]]
    KEPT.clear()
    model = modeling_finetune.VisionTransformer(
        img_size=tuple(s["image"]), patch_size=s["patch"], num_classes=s["classes"], embed_dim=s["dim"],
        depth=s["depth"], num_heads=s["heads"], mlp_ratio=s["mlp_ratio"], qkv_bias=True, drop_path_rate=s["drop_path"],
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), all_frames=s["frames"], tubelet_size=s["tubelet"],
        use_mean_pooling=True, init_scale=1.0,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():  # so that every tensor matters
            parameter.add_(torch.randn_like(parameter) * s["shake"])
    levels = torch.randint(0, 256, (s["batch"], s["frames"], *s["image"], 3), dtype=torch.uint8)
    pixels = ((levels.float() / 255 - MEAN) / STD).permute(0, 4, 1, 2, 3).contiguous().to(real)
    model.to(real)
    tensors = {"input.u8": levels}
    keep = lambda prefix, state: tensors.update({f"{prefix}.{k}": v.detach().clone().float() for k, v in state})
    keep("init", model.named_parameters())

    model.eval()
    tokens = model.patch_embed(pixels)
    first = (tokens + model.pos_embed.to(real))[:, :8].contiguous()
    keep("eval", {"tokens_with_position_first8": first}.items())
    keep("eval", {"features": model.forward_features(pixels), "logits": model(pixels)}.items())
    model.train()
    keep("drop_path", {"logits": model(pixels)}.items())
    if KEPT:
        keep("drop_path", {"keep": torch.stack(KEPT)}.items())
    else:  # a single block never drops
        del tensors["drop_path.logits"]
    model.eval()  # nothing is left out in what follows; there is no other difference

    groups, about = groups_of(optim_factory, model, s)
    adamw = torch.optim.AdamW(groups, lr=s["base_lr"], betas=s["betas"], eps=s["eps"], weight_decay=0.0)
    average = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    labels = torch.randint(0, s["classes"], (s["steps"], s["batch"]))
    soft = s["loss"] == "soft_target"
    lam = [round(x.item(), 4) for x in torch.rand(s["steps"])] if soft else None
    targets, steps, parts = [], [], s["accumulation"]
    for step in range(s["steps"]):
        off = s["smoothing"] / s["classes"]
        target = F.one_hot(labels[step], s["classes"]) * (1 - s["smoothing"]) + off
        if soft:
            target = lam[step] * target + (1 - lam[step]) * target.flip(0)
        targets.append(target)
        rate = rate_at(s, s["first_step"] + step)
        for group in adamw.param_groups:
            group["lr"] = rate * group["lr_scale"]
        adamw.zero_grad()
        micro = []
        for part in range(parts):
            rows = slice(part * s["batch"] // parts, (part + 1) * s["batch"] // parts)
            loss = torch.sum(-target[rows].to(real) * F.log_softmax(model(pixels[rows]), -1), -1).mean()
            (loss / parts).backward()
            micro.append(loss.item())
        if step == 0:
            keep("grad", ((name, parameter.grad) for name, parameter in model.named_parameters()))
        limit = s["clip_grad"]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf if limit is None else limit)
        adamw.step()
        if s["ema_decay"] is not None:
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    average[name] = s["ema_decay"] * average[name] + (1 - s["ema_decay"]) * parameter
        steps.append(dict(
            step=step, lr=rate, loss=sum(micro) / parts, micro_losses=micro, grad_norm_before_clip=norm.item()
        ))  # fmt: skip
    keep("after", model.named_parameters())
    if s["ema_decay"] is not None:
        shown = ("head.weight", f"blocks.{s['depth'] - 1}.attn.qkv.weight", "fc_norm.bias")
        keep("ema", ((name, average[name]) for name in shown))
    if soft:
        tensors["train.targets"] = torch.stack(targets).float()
    else:
        tensors["train.labels"] = labels
    geometry = {name: s[name] for name in GEOMETRY}
    hidden, head_dim = int(s["dim"] * s["mlp_ratio"]), s["dim"] // s["heads"]
    geometry |= dict(tokens=tokens.shape[1], head_dim=head_dim, mlp_hidden=hidden, layer_norm_eps=1e-6)
    schedule = {name: s[name] for name in ("epochs", "steps_per_epoch", "warmup_epochs", "first_step")}
    meta = dict(
        kind="finetune", schema="tubelet-finetune-golden/1", code="MCG-NJU/VideoMAE", torch=torch.__version__,
        seed=s["seed"], geometry=geometry, train=dict(
            loss=s["loss"], smoothing=s["smoothing"], lam=lam, labels=labels.tolist(), accumulation=parts,
            optimizer={name: s[name] for name in OPTIMIZER} | {"name": "AdamW"},
            schedule=schedule | {"total_steps": s["epochs"] * s["steps_per_epoch"]},
            steps=steps, groups=about, ema_decay=s["ema_decay"],
        ),
        drop_path=dict(
            rate=s["drop_path"], per_block=[x.item() for x in torch.linspace(0, s["drop_path"], s["depth"])]
        ),
        tolerance=dict(absolute=1e-5, relative=1e-4),
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / "tensors.safetensors")


def main():
    official, out, said = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    sys.path.insert(0, str(official))
    sys.meta_path.append(StandIns())
    import modeling_finetune
    import optim_factory

    torch.set_num_threads(1)
    if said[:1] == ["--drawn"]:
        for number in range(int(said[1])):
            settings = drawn(number, said[2] if len(said) > 2 else "0")
            write(modeling_finetune, optim_factory, settings, out / f"drawn-{number}")
            shown = {name: settings[name] for name in settings if settings[name] != SETTINGS[name]}
            print(f"drawn-{number}: {shown}")
        return
    given = dict(words.split("=") for words in said)
    settings = SETTINGS | {name: read(name, text) for name, text in given.items()}
    write(modeling_finetune, optim_factory, settings, out)


if __name__ == "__main__":
    main()
