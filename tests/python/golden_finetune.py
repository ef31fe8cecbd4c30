"""A small golden folder for fine-tuning, from the official classifier and optimiser in PyTorch.

    python tests/python/golden_finetune.py OFFICIAL OUT [NAME=VALUE...]

OFFICIAL is a checkout of MCG-NJU/VideoMAE. OUT gets meta.json and tensors.safetensors in the form
"tubelet-finetune-golden/1"; `trainer/tests/golden/official_finetune` was made so. Other geometries are said by
name: `image=40x24 patch=8 frames=6 tubelet=3 dim=20 depth=3 heads=5 mlp_ratio=2.5 classes=11 batch=6`. To compare:

    GOLDEN_DIRS=OUT cargo test -p tubelet-trainer --test golden_finetune -- --nocapture

Needs torch, numpy and safetensors. Of timm, which the official code imports, only names are needed.
"""

import contextlib
import importlib.abc
import importlib.machinery
import io
import json
import math
import sys
import types
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
SHAPE = dict(image=[16, 24], patch=8, frames=4, tubelet=2, dim=12, depth=2, heads=2, mlp_ratio=3.0, classes=3, batch=4)
RATE, EMA, SMOOTHING, DROP = 2e-3, 0.9, 0.1, 0.3
OPTIMIZER = dict(
    base_lr=RATE, min_lr=1e-5, weight_decay=0.05, betas=[0.9, 0.999], eps=1e-8, layer_decay=0.7, clip_grad=2.0,
    name="AdamW",
)
SCHEDULE = dict(epochs=3, steps_per_epoch=4, warmup_epochs=1, first_step=2, total_steps=12)
STEPS, PARTS = 4, 2
KEPT = []


def drop_path(tokens, rate, training):
    """timm's, with the draws kept."""
    if not rate or not training:
        return tokens
    keep = (torch.rand(tokens.shape[0]) >= rate).float()
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


def rate_at(step):
    """`cosine_scheduler` of the official utils.py."""
    warmup = SCHEDULE["warmup_epochs"] * SCHEDULE["steps_per_epoch"]
    if step < warmup:
        return RATE * step / (warmup - 1)
    share = (step - warmup) / (SCHEDULE["total_steps"] - warmup)
    return OPTIMIZER["min_lr"] + 0.5 * (RATE - OPTIMIZER["min_lr"]) * (1 + math.cos(math.pi * share))


def main():
    official, out = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, str(official))
    sys.meta_path.append(StandIns())
    import modeling_finetune
    import optim_factory

    torch.manual_seed(20263)
    torch.set_num_threads(1)
    s = dict(SHAPE)
    for name, value in (given.split("=") for given in sys.argv[3:]):
        of = {"image": lambda sides: [int(side) for side in sides.split("x")], "mlp_ratio": float}.get(name, int)
        assert name in s, f"{name} is none of {', '.join(s)}"
        s[name] = of(value)
    model = modeling_finetune.VisionTransformer(
        img_size=tuple(s["image"]), patch_size=s["patch"], num_classes=s["classes"], embed_dim=s["dim"],
        depth=s["depth"], num_heads=s["heads"], mlp_ratio=s["mlp_ratio"], qkv_bias=True, drop_path_rate=DROP,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), all_frames=s["frames"], tubelet_size=s["tubelet"],
        use_mean_pooling=True, init_scale=1.0,
    )
    with torch.no_grad():
        for parameter in model.parameters():  # so that every tensor matters
            parameter.add_(torch.randn_like(parameter) * 0.1)
    levels = torch.randint(0, 256, (s["batch"], s["frames"], *s["image"], 3), dtype=torch.uint8)
    pixels = ((levels.float() / 255 - MEAN) / STD).permute(0, 4, 1, 2, 3).contiguous()
    tensors = {"input.u8": levels}
    keep = lambda prefix, state: tensors.update({f"{prefix}.{k}": v.detach().clone() for k, v in state})
    keep("init", model.named_parameters())

    model.eval()
    tokens = model.patch_embed(pixels)
    tensors["eval.tokens_with_position_first8"] = (tokens + model.pos_embed).detach()[:, :8].contiguous()
    tensors["eval.features"], tensors["eval.logits"] = model.forward_features(pixels).detach(), model(pixels).detach()
    model.train()
    tensors["drop_path.logits"] = model(pixels).detach()
    tensors["drop_path.keep"] = torch.stack(KEPT)
    rates = [x.item() for x in torch.linspace(0, DROP, s["depth"])]
    model.eval()  # nothing is left out in what follows; there is no other difference

    depth, decay = s["depth"], OPTIMIZER["layer_decay"]
    assigner = optim_factory.LayerDecayValueAssigner([decay ** (depth + 1 - i) for i in range(depth + 2)])
    with contextlib.redirect_stdout(io.StringIO()):
        groups = optim_factory.get_parameter_groups(
            model, OPTIMIZER["weight_decay"], (), assigner.get_layer_id, assigner.get_scale
        )
    adamw = torch.optim.AdamW(groups, lr=RATE, betas=OPTIMIZER["betas"], eps=OPTIMIZER["eps"], weight_decay=0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    about = {
        names[id(parameter)]: dict(
            lr_scale=group["lr_scale"], weight_decay=group["weight_decay"],
            layer=assigner.get_layer_id(names[id(parameter)]),
        )
        for group in groups for parameter in group["params"]
    }
    average = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    labels = torch.randint(0, s["classes"], (STEPS, s["batch"]))
    lam = [round(x.item(), 4) for x in torch.rand(STEPS)]
    targets, steps = [], []
    for step in range(STEPS):
        off = SMOOTHING / s["classes"]
        hot = F.one_hot(labels[step], s["classes"]) * (1 - SMOOTHING) + off
        target = lam[step] * hot + (1 - lam[step]) * hot.flip(0)
        targets.append(target)
        rate = rate_at(SCHEDULE["first_step"] + step)
        for group in adamw.param_groups:
            group["lr"] = rate * group["lr_scale"]
        adamw.zero_grad()
        micro = []
        for part in range(PARTS):
            rows = slice(part * s["batch"] // PARTS, (part + 1) * s["batch"] // PARTS)
            loss = torch.sum(-target[rows] * F.log_softmax(model(pixels[rows]), -1), -1).mean()
            (loss / PARTS).backward()
            micro.append(loss.item())
        if step == 0:
            keep("grad", ((name, parameter.grad) for name, parameter in model.named_parameters()))
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clip_grad"])
        adamw.step()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                average[name] = EMA * average[name] + (1 - EMA) * parameter
        steps.append(dict(
            step=step, lr=rate, loss=sum(micro) / PARTS, micro_losses=micro, grad_norm_before_clip=norm.item()
        ))
    keep("after", model.named_parameters())
    keep("ema", ((name, average[name]) for name in ("head.weight", "blocks.1.attn.qkv.weight", "fc_norm.bias")))
    tensors["train.targets"] = torch.stack(targets)
    hidden = int(s["dim"] * s["mlp_ratio"])
    meta = dict(
        kind="finetune", schema="tubelet-finetune-golden/1", code="MCG-NJU/VideoMAE", torch=torch.__version__, seed=20263,
        geometry=dict(s, tokens=tokens.shape[1], head_dim=s["dim"] // s["heads"], mlp_hidden=hidden, layer_norm_eps=1e-6),
        train=dict(
            loss="soft_target", smoothing=SMOOTHING, lam=lam, labels=labels.tolist(), accumulation=PARTS,
            optimizer=OPTIMIZER, schedule=SCHEDULE, steps=steps, groups=about, ema_decay=EMA,
        ),
        drop_path=dict(rate=DROP, per_block=rates),
        tolerance=dict(absolute=1e-5, relative=1e-4),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / "tensors.safetensors")


if __name__ == "__main__":
    main()
