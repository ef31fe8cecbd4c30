"""Pre-trains Hugging Face's VideoMAE with transformers' own Trainer; a stopped run goes on at the very next batch.

    python pretrain_trainer.py films --out run --steps 20
    python pretrain_trainer.py films --out run --steps 40 --resume

Needs torch, transformers and accelerate. Three things are said to the Trainer:

- The DataLoader is used as it is. Accelerate would cut batches again among processes; the dataset has dealt
  each process its own clips already (RANK and WORLD_SIZE, which torchrun and accelerate launch set).
- The dataset's state is saved beside each checkpoint, and loaded on resume.
- So `ignore_data_skip`: the Trainer must not read the batches before the checkpoint once more.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
import tubelet
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments, VideoMAEConfig, VideoMAEForPreTraining
from transformers.trainer_utils import get_last_checkpoint

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


class ClipTrainer(Trainer):
    """A Trainer of VideoMAE on batches that are made already."""

    def get_train_dataloader(self):
        assert self.train_dataset is not None, "it is given below"
        pinned = self.args.device.type == "cuda"
        return DataLoader(self.train_dataset, batch_size=None, num_workers=0, pin_memory=pinned)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        # `inputs` are on the device.
        outputs = model(normalised(inputs["video"]), bool_masked_pos=inputs["bool_masked_pos"])
        return (outputs.loss, outputs) if return_outputs else outputs.loss


class SaveClips(TrainerCallback):
    """Writes where the dataset stands into each checkpoint; it is the same for every process."""

    def __init__(self, clips: tubelet.ClipDataset, folder: str) -> None:
        self.clips, self.folder = clips, Path(folder)

    def on_save(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            checkpoint = self.folder / f"checkpoint-{state.global_step}"
            (checkpoint / "clips.json").write_text(json.dumps(self.clips.state_dict()))


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

    torch.manual_seed(0)
    settings = {"clip.size": args.size}
    clips = tubelet.ClipDataset(args.videos, recipe="tiny", set=settings, batch_size=args.batch, layout="NCTHW")
    trainer = ClipTrainer(
        model=small_model(args.size),
        train_dataset=clips,
        callbacks=[SaveClips(clips, args.out)],
        args=TrainingArguments(
            output_dir=args.out,
            max_steps=args.steps,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            save_steps=args.save_every,
            logging_steps=1,
            report_to="none",
            remove_unused_columns=False,
            ignore_data_skip=True,
        ),
    )
    newest = get_last_checkpoint(args.out) if args.resume else None
    if newest:
        clips.load_state_dict(json.loads((Path(newest) / "clips.json").read_text()))
    trainer.train(resume_from_checkpoint=newest)
    for line in trainer.state.log_history:
        if "loss" in line:
            print(f"step {line['step']} loss {line['loss']:.6f}")


if __name__ == "__main__":
    main()
