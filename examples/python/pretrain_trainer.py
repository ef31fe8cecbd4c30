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

import torch
import tubelet
from pretrain_transformers import normalised, small_model
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint


class ClipTrainer(Trainer):
    """A Trainer of VideoMAE on batches that are made already."""

    def get_train_dataloader(self) -> DataLoader:
        pinned = self.args.device.type == "cuda"
        return DataLoader(self.train_dataset, batch_size=None, num_workers=0, pin_memory=pinned)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        # `inputs` are on the device.
        outputs = model(normalised(inputs["video"]), bool_masked_pos=inputs["bool_masked_pos"])
        return (outputs.loss, outputs) if return_outputs else outputs.loss


class SaveClips(TrainerCallback):
    """Writes where the dataset stands into each checkpoint: a file for each process."""

    def __init__(self, clips: tubelet.ClipDataset) -> None:
        self.clips = clips

    def on_save(self, args, state, control, **kwargs):
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        state_of_clips(folder, args.process_index).write_text(json.dumps(self.clips.state_dict()))


def state_of_clips(folder: Path, rank: int) -> Path:
    return folder / f"clips_{rank}.json"


class WithMasks(torch.utils.data.IterableDataset):
    """The tensors that the model wants of each batch, by name: the Trainer moves a dictionary to the device."""

    def __init__(self, clips: tubelet.ClipDataset) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self):
        for batch in self.clips:
            yield {"video": batch["video"], "bool_masked_pos": batch.bool_masked_pos()}


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
        train_dataset=WithMasks(clips),
        callbacks=[SaveClips(clips)],
        args=TrainingArguments(
            output_dir=args.out,
            max_steps=args.steps,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            save_steps=args.save_every,
            logging_steps=1,
            report_to="none",
            remove_unused_columns=False,  # the columns are tensors of a batch, not arguments of the model
            ignore_data_skip=True,
        ),
    )
    newest = get_last_checkpoint(args.out) if args.resume else None
    if newest:
        clips.load_state_dict(json.loads(state_of_clips(Path(newest), trainer.args.process_index).read_text()))
    trainer.train(resume_from_checkpoint=newest)
    for line in trainer.state.log_history:
        if "loss" in line:
            print(f"step {line['step']} loss {line['loss']:.6f}")


if __name__ == "__main__":
    main()
