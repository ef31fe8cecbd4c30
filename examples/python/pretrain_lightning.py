"""Pre-trains Hugging Face's VideoMAE with Lightning; a stopped run goes on at the very next batch.

    python pretrain_lightning.py films --out run --steps 20
    python pretrain_lightning.py films --out run --steps 40 --resume

Needs torch, transformers, lightning and torchdata. Lightning saves the state of a loader that has `state_dict`
and `load_state_dict`: torchdata's StatefulDataLoader has both, and asks the dataset for its own. The dataset is made
in `train_dataloader`, which runs when Lightning has started its processes: only then each of them has a rank.
"""

import argparse
from pathlib import Path
from typing import Any

import lightning
import torch
import tubelet
from lightning.pytorch.callbacks import ModelCheckpoint
from torchdata.stateful_dataloader import StatefulDataLoader
from transformers import VideoMAEConfig, VideoMAEForPreTraining

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as VideoMAE uses them


def small_model(size: int) -> VideoMAEForPreTraining:
    """A VideoMAE of 1.5 million parameters that starts from random weights."""
    encoder: dict[str, Any] = dict(hidden_size=192, num_hidden_layers=2, num_attention_heads=3, intermediate_size=768)
    decoder: dict[str, Any] = dict(hidden_size=96, num_hidden_layers=1, num_attention_heads=3, intermediate_size=384)
    decoder = {f"decoder_{name}": value for name, value in decoder.items()}
    # `use_mean_pooling=True`, the default, would leave out the norm after the encoder, which pre-training needs.
    config = VideoMAEConfig(image_size=size, use_mean_pooling=False, norm_pix_loss=True, **encoder, **decoder)
    return VideoMAEForPreTraining(config)


def normalised(video: torch.Tensor) -> torch.Tensor:
    """uint8 [B, 3, T, H, W] to float32 [B, T, 3, H, W], which is how Hugging Face wants it."""
    mean, std = (torch.tensor(values, device=video.device).view(3, 1, 1) for values in (MEAN, STD))
    return (video.transpose(1, 2).float() / 255 - mean) / std


class VideoMAE(lightning.LightningModule):
    def __init__(self, videos: str, size: int, batch: int) -> None:
        super().__init__()
        self.videos, self.size, self.batch = videos, size, batch
        self.model = small_model(size)

    def train_dataloader(self) -> StatefulDataLoader:
        settings = {"clip.size": self.size}
        clips = tubelet.ClipDataset(
            self.videos, recipe="tiny", set=settings, batch_size=self.batch, mask="tube", layout="NCTHW"
        )
        return StatefulDataLoader(clips, batch_size=None, num_workers=0)

    def training_step(self, batch: tubelet.Batch, number: int) -> torch.Tensor:
        loss = self.model(normalised(batch["video"]), bool_masked_pos=batch.bool_masked_pos()).loss
        print(f"step {self.global_step + 1} loss {loss.item():.6f} clips {batch['clip'].tolist()}", flush=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", help="a folder, a list, a manifest or shards")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--save-every", type=int, default=10)
    parser.add_argument("--batch", type=int, default=4, help="clips of a step in each process")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", type=int, default=1, help="processes")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint of --out")
    args = parser.parse_args()

    lightning.seed_everything(0, verbose=False)
    trainer = lightning.Trainer(
        max_steps=args.steps,
        accelerator=args.accelerator,
        devices=args.devices,
        use_distributed_sampler=False,  # the dataset deals each process its own clips
        default_root_dir=args.out,
        callbacks=[ModelCheckpoint(args.out, save_last=True, every_n_train_steps=args.save_every, save_top_k=0)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    newest = Path(args.out) / "last.ckpt"
    trainer.fit(VideoMAE(args.videos, args.size, args.batch), ckpt_path=newest if args.resume else None)


if __name__ == "__main__":
    main()
