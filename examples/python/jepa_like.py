"""Learns as V-JEPA does, from whole clips of four frames a second: hidden places are predicted as features.

    python jepa_like.py films
    python jepa_like.py films --size 112 --batch 16 --steps 5000

Needs torch. tubelet gives whole clips (`mask=None`) and leaves the masks to you: here blocks, drawn in torch. The
encoder sees what is not hidden; a slow copy of it (a moving average) sees everything and says what the features
of the hidden places are. Sizes are small, so that it runs on a processor; nothing here is a published setting.
"""

import argparse
import copy

import torch
import tubelet
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

FRAMES, PATCH, TUBELET = 16, 16, 2


def blocks(width: int, depth: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0, activation="gelu", batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False)


def take(tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """tokens [B, N, D] at places [B, K]: [B, K, D]."""
    return tokens.gather(1, places.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


class Encoder(nn.Module):
    def __init__(self, tokens: int, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        kernel = (TUBELET, PATCH, PATCH)
        self.embed = nn.Conv3d(3, width, kernel, stride=kernel)
        self.positions = nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.blocks = blocks(width, depth)

    def forward(self, video: torch.Tensor, places: torch.Tensor | None = None) -> torch.Tensor:
        """video [B, 3, T, H, W]: features of the tokens at `places`, or of all."""
        tokens = self.embed(video).flatten(2).transpose(1, 2) + self.positions
        return self.blocks(tokens if places is None else take(tokens, places))


class Predictor(nn.Module):
    def __init__(self, tokens: int, width: int = 128, inner: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.narrow, self.widen = nn.Linear(width, inner), nn.Linear(inner, width)
        self.hidden = nn.Parameter(torch.zeros(1, 1, inner))
        self.positions = nn.Parameter(torch.randn(1, tokens, inner) * 0.02)
        self.blocks = blocks(inner, depth)

    def forward(self, features: torch.Tensor, visible: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Features of the visible tokens: what those of the hidden ones may be, [B, hidden, D]."""
        positions = self.positions.expand(len(features), -1, -1)
        known = self.narrow(features) + take(positions, visible)
        asked = self.hidden + take(positions, hidden)
        return self.widen(self.blocks(torch.cat([known, asked], 1))[:, -hidden.shape[1] :])


def block_masks(clips: int, side: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers of the visible and of the hidden tokens of each clip; blocks go through all of its time.

    Three quarters of the places are hidden: blocks are laid until there are enough, and the rest of the last is left.
    """
    wanted = side * side * 3 // 4
    visible, hidden = [], []
    for _ in range(clips):
        order = torch.full((side, side), torch.inf)  # which block hid a place; places without one come last
        laid = 0
        while order.isfinite().sum() < wanted:
            height, width = torch.randint(max(1, side // 3), side // 2 + 1, (2,), generator=generator).tolist()
            top = int(torch.randint(side - height + 1, (), generator=generator))
            left = int(torch.randint(side - width + 1, (), generator=generator))
            order[top : top + height, left : left + width].clamp_(max=laid)
            laid += 1
        places = order.flatten().argsort(stable=True)
        hidden.append(places[:wanted].sort().values)
        visible.append(places[wanted:].sort().values)
    times = torch.arange(FRAMES // TUBELET).view(-1, 1) * side * side
    through_time = lambda places: (times + torch.stack(places).unsqueeze(1)).flatten(1)
    return through_time(visible), through_time(hidden)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", help="a folder, a list, a manifest or shards")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--fps", type=float, default=4, help="frames a second of a clip")
    parser.add_argument("--momentum", type=float, default=0.99, help="how slowly the copy follows")
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    side = args.size // PATCH
    tokens = FRAMES // TUBELET * side * side
    encoder, predictor = Encoder(tokens).to(device), Predictor(tokens).to(device)
    teacher = copy.deepcopy(encoder).requires_grad_(False)
    optimiser = torch.optim.AdamW([*encoder.parameters(), *predictor.parameters()], lr=1e-3, weight_decay=0.04)
    generator = torch.Generator().manual_seed(0)

    clips = tubelet.ClipDataset(
        args.videos,
        set={"clip.size": args.size, "clip.stride": 1, "clip.target_fps": args.fps},
        batch_size=args.batch,
        mask=None,
        layout="NCTHW",
    )
    loader = DataLoader(clips, batch_size=None, num_workers=0, pin_memory=device.type == "cuda")

    step = 0
    while step < args.steps:
        for batch in loader:
            video = batch["video"].to(device, non_blocking=True).float() / 127.5 - 1
            visible, hidden = (places.to(device) for places in block_masks(len(video), side, generator))
            with torch.no_grad():
                features = teacher(video)
                target = take(functional.layer_norm(features, features.shape[-1:]), hidden)
            loss = functional.l1_loss(predictor(encoder(video, visible), visible, hidden), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for slow, fast in zip(teacher.parameters(), encoder.parameters()):
                    slow.lerp_(fast, 1 - args.momentum)
            step += 1
            print(f"step {step} loss {loss.item():.6f}", flush=True)
            if step == args.steps:
                break


if __name__ == "__main__":
    main()
