"""Pre-trains Hugging Face's VideoMAE with Lightning; a stopped run goes on at the very next batch.

    python pretrain_lightning.py films --out run --steps 20
    python pretrain_lightning.py films --out run --steps 40 --resume

Needs torch, transformers, lightning and torchdata. Lightning saves the state of a loader that has `state_dict`
and `load_state_dict`: torchdata's StatefulDataLoader has both, and asks the dataset for its own.
"""

import argparse
from pathlib import Path

import lightning
import torch
import tubelet
from lightning.pytorch.callbacks import ModelCheckpoint
from pretrain_transformers import normalised, small_model
from torchdata.stateful_dataloader import StatefulDataLoader


class VideoMAE(lightning.LightningModule):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.model = small_model(size)

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
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint of --out")
    args = parser.parse_args()

    lightning.seed_everything(0, verbose=False)
    settings = {"clip.size": args.size}
    clips = tubelet.ClipDataset(args.videos, recipe="tiny", set=settings, batch_size=args.batch, layout="NCTHW")
    loader = StatefulDataLoader(clips, batch_size=None, num_workers=0)
    trainer = lightning.Trainer(
        max_steps=args.steps,
        accelerator="auto",
        use_distributed_sampler=False,  # the dataset deals each process its own clips
        default_root_dir=args.out,
        callbacks=[ModelCheckpoint(args.out, save_last=True, every_n_train_steps=args.save_every, save_top_k=0)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    newest = Path(args.out) / "last.ckpt"
    trainer.fit(VideoMAE(args.size), loader, ckpt_path=newest if args.resume else None)


if __name__ == "__main__":
    main()
