"""Golden folders of unusual shapes, from a plain second model in PyTorch.

    python tests/python/golden.py OUT [NAME...]

Writes a folder for each of SHAPES (or for those named) into OUT, in the form "tubelet-golden/1": geometry in
meta.json, inputs, masks, weights, outputs, gradients and the weights after five AdamW steps in
tensors.safetensors. The model is written from the method's description alone and shares nothing with the
project but names of tensors. Shapes are such that an f32 run meets its own f64 run: with a single counted token
a clip, or a large rate at the first step, AdamW divides gradients of pure rounding by their size. To compare:

    GOLDEN_DIRS=$(ls -d OUT/* | paste -sd:) cargo test -p tubelet-trainer --test golden -- --nocapture

Needs torch, numpy and safetensors.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
PLAIN_LR = [0.0, 5e-4, 5e-4, 3.775e-4, 1.325e-4]
PLAIN = dict(
    batch=2, kind="tube", ratio=0.75, share=None, target="normalised", clip=None, classes=7, eps=1e-6,
    betas=(0.9, 0.95), lr=PLAIN_LR, decay=[0.05] * 5,
)

# clip = frames, height, width, tubelet, patch; stacks = dim, depth, heads, hidden
SHAPES = {
    "wide": dict(shape=(8, 32, 80, 2, 16), encoder=(36, 2, 3, 144), decoder=(20, 1, 2, 80)),
    "tall_patch_14": dict(shape=(4, 70, 28, 2, 14), encoder=(32, 2, 4, 139), decoder=(16, 2, 1, 69), ratio=0.6),
    "long": dict(shape=(64, 16, 16, 2, 8), encoder=(24, 1, 2, 96), decoder=(12, 1, 3, 48), batch=1, ratio=0.5),
    "tubelet_4": dict(shape=(16, 24, 16, 4, 8), encoder=(30, 3, 5, 61), decoder=(14, 2, 7, 23), ratio=0.5, batch=3),
    "tubelet_1": dict(shape=(3, 20, 30, 1, 10), encoder=(16, 1, 1, 40), decoder=(10, 1, 5, 10), ratio=0.5),
    "raw": dict(shape=(8, 48, 32, 2, 8), encoder=(40, 2, 8, 100), decoder=(18, 1, 3, 54), target="raw", ratio=0.9),
    "random_mask": dict(shape=(6, 24, 36, 2, 12), encoder=(28, 2, 2, 84), decoder=(12, 1, 1, 30), kind="random", ratio=0.4),
    "clipped": dict(
        shape=(8, 32, 32, 2, 8), encoder=(48, 2, 3, 192), decoder=(24, 2, 3, 96), clip=0.02, ratio=0.8, batch=4,
        decay=[0.05, 0.0875, 0.125, 0.1625, 0.2],
    ),
    "norm_epsilon": dict(shape=(4, 32, 48, 2, 16), encoder=(24, 2, 4, 96), decoder=(16, 1, 2, 64), eps=1e-5, ratio=0.5),
    "cells_uneven": dict(
        shape=(10, 32, 48, 2, 8), encoder=(40, 2, 5, 160), decoder=(24, 2, 4, 96), ratio=0.8, share=0.5, batch=3,
        clip=0.02,
    ),
    "cells_quarter": dict(
        shape=(12, 56, 28, 2, 14), encoder=(33, 2, 3, 144), decoder=(21, 1, 3, 91), ratio=0.7, share=0.25, batch=2,
        betas=(0.85, 0.999), lr=[0.0, 4e-4, 3e-4, 2e-4, 1e-4],
    ),
    "cells_most": dict(
        shape=(6, 16, 32, 2, 4), encoder=(20, 3, 2, 50), decoder=(12, 2, 2, 33), ratio=0.85, share=0.75, batch=5,
        target="raw", clip=0.5,
    ),
    "deep": dict(shape=(4, 32, 32, 2, 16), encoder=(24, 9, 3, 96), decoder=(12, 5, 3, 48), ratio=0.5, batch=3),
    "one_block": dict(shape=(2, 16, 96, 2, 16), encoder=(64, 1, 1, 256), decoder=(32, 1, 1, 128), ratio=0.5, classes=1, batch=4),
}


def scene(generator, frames, height, width):
    """Waves that move, with noise: no cube is flat."""
    t, y, x = np.meshgrid(np.arange(frames), np.arange(height), np.arange(width), indexing="ij")
    video = np.full((frames, height, width, 3), 128.0)
    for _ in range(5):
        a, b, c, phase = generator.uniform(-0.8, 0.8, 4)
        video += np.sin(a * x + b * y + c * t + 3 * phase)[..., None] * generator.uniform(-22, 22, 3)
    return np.clip(video + generator.normal(0, 9, video.shape), 0, 255).astype(np.uint8)


def tokens(video, tubelet, patch):
    """B, T, H, W, 3 to B, N, (time, row, column), colour."""
    b, t, h, w, c = video.shape
    cut = video.reshape(b, t // tubelet, tubelet, h // patch, patch, w // patch, patch, c)
    return cut.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(b, -1, tubelet * patch * patch, c)


def masks(generator, s, grid):
    """Hidden from the encoder, hidden from the decoder, the map of each clip; 1 = hidden."""
    times, rows, columns = grid
    places, number = rows * columns, times * rows * columns
    hidden, closed, maps = [], [], []
    for _ in range(s["batch"]):
        if s["kind"] == "tube":
            one = np.zeros(places, np.uint8)
            one[generator.permutation(places)[: int(s["ratio"] * places)]] = 1
            one = np.tile(one, times)
        else:
            one = np.zeros(number, np.uint8)
            one[generator.permutation(number)[: int(s["ratio"] * number)]] = 1
        hidden.append(one)
        if s["share"] is None:
            closed.append(1 - one)
            continue
        number_of_map = int(generator.integers(4))
        maps.append(number_of_map)
        t, y, x = np.meshgrid(np.arange(times), np.arange(rows), np.arange(columns), indexing="ij")
        cell = (2 * (y % 2) + x % 2 + number_of_map + t + 1) % 4 < int(4 * s["share"])
        closed.append(cell.reshape(-1).astype(np.uint8))
    return torch.from_numpy(np.stack(hidden)), torch.from_numpy(np.stack(closed)), maps


def positions(number, dim):
    j = np.arange(dim)
    angle = np.arange(number)[:, None] / np.power(10000, 2 * (j // 2) / dim)
    table = np.where(j % 2 == 0, np.sin(angle), np.cos(angle))
    return torch.from_numpy(table).float()[None]


def draw(generator, s):
    """Weights under the official names: the official rules, and every vector shaken."""
    _, _, _, tubelet, patch = s["shape"]
    cube = 3 * tubelet * patch * patch
    width, narrow = s["encoder"][0], s["decoder"][0]
    table = {}

    def uniform(name, shape, bound):
        table[name] = torch.from_numpy(generator.uniform(-bound, bound, shape)).float()

    def vector(name, size, about=0.0):
        table[name] = torch.from_numpy(about + generator.normal(0, 0.1, size)).float()

    def xavier(name, out, into):
        uniform(f"{name}.weight", (out, into), math.sqrt(6 / (out + into)))

    def norm(name, dim):
        vector(f"{name}.weight", dim, 1.0)
        vector(f"{name}.bias", dim)

    def blocks(prefix, dim, depth, _, hidden):
        for at in range(depth):
            name = f"{prefix}blocks.{at}"
            norm(f"{name}.norm1", dim)
            vector(f"{name}.attn.q_bias", dim)
            vector(f"{name}.attn.v_bias", dim)
            uniform(f"{name}.attn.qkv.weight", (3 * dim, dim), math.sqrt(6 / (4 * dim)))
            for part, out, into in (("attn.proj", dim, dim), ("mlp.fc1", hidden, dim), ("mlp.fc2", dim, hidden)):
                xavier(f"{name}.{part}", out, into)
                vector(f"{name}.{part}.bias", out)
            norm(f"{name}.norm2", dim)

    vector("mask_token", (1, 1, narrow))
    uniform("encoder.patch_embed.proj.weight", (width, 3, tubelet, patch, patch), cube**-0.5)
    vector("encoder.patch_embed.proj.bias", width)
    blocks("encoder.", *s["encoder"])
    norm("encoder.norm", width)
    blocks("decoder.", *s["decoder"])
    norm("decoder.norm", narrow)
    xavier("decoder.head", cube, narrow)
    vector("decoder.head.bias", cube)
    uniform("encoder_to_decoder.weight", (narrow, width), width**-0.5)
    norm("cls.fc_norm", width)
    uniform("cls.head.weight", (s["classes"], width), 0.5)
    vector("cls.head.bias", s["classes"])
    return table


class Plain:
    """The model: functions of a table of weights."""

    def __init__(self, s, table):
        self.s, self.w = s, table

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], self.s["eps"])

    def linear(self, x, name):
        return F.linear(x, self.w[f"{name}.weight"], self.w.get(f"{name}.bias"))

    def stack(self, x, prefix, dim, depth, heads, _):
        for at in range(depth):
            name = f"{prefix}blocks.{at}"
            q_bias, v_bias = self.w[f"{name}.attn.q_bias"], self.w[f"{name}.attn.v_bias"]
            bias = torch.cat((q_bias, torch.zeros_like(q_bias), v_bias))
            qkv = F.linear(self.norm(x, f"{name}.norm1"), self.w[f"{name}.attn.qkv.weight"], bias)
            b, n, _ = x.shape
            q, k, v = qkv.reshape(b, n, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
            shares = ((q * (dim // heads) ** -0.5) @ k.transpose(-2, -1)).softmax(-1)
            x = x + self.linear((shares @ v).transpose(1, 2).reshape(b, n, dim), f"{name}.attn.proj")
            hidden = F.gelu(self.linear(self.norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
            x = x + self.linear(hidden, f"{name}.mlp.fc2")
        return x

    def embed(self, pixels, prefix):
        _, _, _, tubelet, patch = self.s["shape"]
        weight, bias = (self.w[f"{prefix}patch_embed.proj.{part}"] for part in ("weight", "bias"))
        tokens = F.conv3d(pixels, weight, bias, stride=(tubelet, patch, patch)).flatten(2).transpose(1, 2)
        return tokens + positions(tokens.shape[1], tokens.shape[2]).to(tokens.dtype)

    def encode(self, pixels, hidden):
        tokens = self.embed(pixels, "encoder.")
        visible = tokens[hidden == 0].reshape(len(tokens), -1, tokens.shape[2])
        return self.norm(self.stack(visible, "encoder.", *self.s["encoder"]), "encoder.norm")

    def paint(self, pixels, hidden, closed):
        known = F.linear(self.encode(pixels, hidden), self.w["encoder_to_decoder.weight"])
        b, _, narrow = known.shape
        table = positions(hidden.shape[1], narrow).to(known.dtype).expand(b, -1, -1)
        known = known + table[hidden == 0].reshape(b, -1, narrow)
        unknown = self.w["mask_token"] + table[closed == 0].reshape(b, -1, narrow)
        x = self.stack(torch.cat((known, unknown), 1), "decoder.", *self.s["decoder"])
        return self.linear(self.norm(x[:, -unknown.shape[1] :], "decoder.norm"), "decoder.head")

    def classify(self, pixels):
        x = self.stack(self.embed(pixels, "encoder."), "encoder.", *self.s["encoder"])
        features = self.norm(x.mean(1), "cls.fc_norm")
        return features, self.linear(features, "cls.head")


def targets(s, pixels, closed):
    """What the mask tokens should become: B, M, C in the order time, row, column, colour."""
    _, _, _, tubelet, patch = s["shape"]
    back = pixels.permute(0, 2, 3, 4, 1) * STD + MEAN
    cubes = tokens(back, tubelet, patch)
    if s["target"] == "normalised":
        deviation = cubes.var(2, unbiased=True, keepdim=True).sqrt() + 1e-6
        cubes = (cubes - cubes.mean(2, keepdim=True)) / deviation
    cubes = cubes.flatten(2)
    return cubes[closed == 0].reshape(len(cubes), -1, cubes.shape[2])


def is_undecayed(name, tensor):
    return tensor.ndim == 1 or name.endswith(".bias") or name == "mask_token"


def gradients(table, prefix=""):
    return {f"{prefix}{name}": tensor.grad.clone() for name, tensor in table.items() if tensor.grad is not None}


def write(folder, name, number, s):
    frames, height, width, tubelet, patch = s["shape"]
    grid = (frames // tubelet, height // patch, width // patch)
    generator = np.random.default_rng(7000 + number)
    video = torch.from_numpy(np.stack([scene(generator, frames, height, width) for _ in range(s["batch"])]))
    hidden, closed, maps = masks(generator, s, grid)
    pixels = ((video.float() / 255 - MEAN) / STD).permute(0, 4, 1, 2, 3).contiguous()
    table = draw(generator, s)
    out = {"input.u8": video, "input.pixels_first_frame": pixels[:, :, 0].contiguous()}
    out |= {"mask.encoder": hidden, "mask.decoder": closed}
    b = s["batch"]
    counted = hidden[closed == 0].reshape(b, -1)
    wanted = targets(s, pixels, closed)
    out |= {"loss_mask": counted, "target": wanted}
    out |= {f"init.{n}": t.clone() for n, t in table.items() if not n.startswith("cls.")}
    out |= {f"cls.init.{n.removeprefix('cls.')}": t.clone() for n, t in table.items() if n.startswith("cls.")}

    for tensor in table.values():
        tensor.requires_grad_()
    model = Plain(s, table)
    labels = torch.from_numpy(generator.integers(s["classes"], size=b))
    features, logits = model.classify(pixels)
    class_loss = F.cross_entropy(logits, labels)
    class_loss.backward()
    out |= {"cls.features": features.detach(), "cls.logits": logits.detach()}
    for tensor_name, gradient in gradients(table).items():
        short = tensor_name.removeprefix("cls.").removeprefix("encoder.")
        if tensor_name != "encoder_to_decoder.weight":
            out[f"cls.grad.{short}"] = gradient

    trained = {n: t for n, t in table.items() if not n.startswith("cls.")}
    groups = [
        {"params": [t for n, t in trained.items() if is_undecayed(n, t)], "decays": False},
        {"params": [t for n, t in trained.items() if not is_undecayed(n, t)], "decays": True},
    ]
    optimiser = torch.optim.AdamW(groups, lr=1.0, betas=s["betas"], eps=1e-8, foreach=False)

    def loss_of():
        squares = ((model.paint(pixels, hidden, closed) - wanted) ** 2).mean(2)
        return (squares * counted).sum() / counted.sum()

    with torch.no_grad():
        out["out.encoder"] = model.encode(pixels, hidden)
        out["out.prediction"] = model.paint(pixels, hidden, closed)
    losses, norms = [], []
    for step, (rate, decay) in enumerate(zip(s["lr"], s["decay"])):
        for group in optimiser.param_groups:
            group["lr"], group["weight_decay"] = rate, decay if group["decays"] else 0.0
        for tensor in table.values():
            tensor.grad = None
        loss = loss_of()
        loss.backward()
        if step == 0:
            out |= gradients(trained, "grad.")
        losses.append(loss.item())
        limit = math.inf if s["clip"] is None else s["clip"]
        norms.append(torch.nn.utils.clip_grad_norm_(list(trained.values()), limit).item())
        optimiser.step()
    with torch.no_grad():
        loss_after = loss_of().item()
    out |= {f"step5.{n}": t.detach().clone() for n, t in trained.items()}

    def stack(dim, depth, heads, hidden):
        return {"dim": dim, "depth": depth, "heads": heads, "mlp_hidden": hidden}

    meta = {
        "schema": "tubelet-golden/1",
        "name": name,
        "variant": "v1" if s["share"] is None else "v2",
        "made_by": {"generator": "tests/python/golden.py", "torch": torch.__version__, "dtype": "f32"},
        "clip": {
            "frames": frames, "height": height, "width": width, "channels": 3, "patch": patch, "tubelet": tubelet,
            "grid": grid, "tokens": math.prod(grid), "cube": 3 * tubelet * patch * patch,
            "mean": MEAN.double().tolist(), "std": STD.double().tolist(),
        },
        "batch": b,
        "mask": {
            "encoder": {"kind": s["kind"], "ratio": s["ratio"], "masked": int(hidden[0].sum()), "visible": int((1 - hidden[0]).sum())},
            "decoder": None if s["share"] is None else {"kind": "running-cell", "ratio": s["share"], "map_index": maps},
            "decoder_tokens": wanted.shape[1],
            "loss_tokens": counted.sum(1).tolist(),
        },
        "model": {
            "encoder": stack(*s["encoder"]), "decoder": stack(*s["decoder"]), "layer_norm_eps": s["eps"],
            "parameters": sum(t.numel() for t in trained.values()), "tensors": len(trained),
        },
        "target": {"kind": s["target"]},
        "loss": losses[0],
        "grad_norm": norms[0],
        "train": {
            "steps": 5, "optimizer": "adamw", "betas": s["betas"], "eps": 1e-8, "weight_decay": s["decay"], "lr": s["lr"],
            "clip_grad": s["clip"], "losses": losses, "grad_norms": norms, "loss_after": loss_after,
            "groups": [
                {"weight_decay": 0.0, "names": [n for n, t in trained.items() if is_undecayed(n, t)]},
                {"weight_decay": 0.05, "names": [n for n, t in trained.items() if not is_undecayed(n, t)]},
            ],
        },
        "classifier": {"classes": s["classes"], "labels": labels.tolist(), "loss": class_loss.item()},
        "tolerance": {"abs": 1e-5, "rel": 1e-4, "grad_per_tensor": 1e-4, "step5_p95": 1e-6},
    }
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))
    save_file({n: t.detach().contiguous() for n, t in out.items()}, folder / "tensors.safetensors")
    print(f"{folder}: loss {losses[0]:.6f} to {loss_after:.6f}, {meta['mask']['loss_tokens']} tokens counted")


def main():
    torch.set_num_threads(1)
    out, names = Path(sys.argv[1]), sys.argv[2:] or list(SHAPES)
    for number, name in enumerate(SHAPES):
        if name in names:
            write(out, name, number, PLAIN | SHAPES[name])


if __name__ == "__main__":
    main()
