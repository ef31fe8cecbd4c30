"""Pre-trains Hugging Face's VideoMAE on a folder of films, in a loop of your own.

    python pretrain_transformers.py films
    python pretrain_transformers.py films --size 112 --batch 8 --steps 1000 --out model

Needs torch and transformers. Clips arrive as uint8 and become floats on the device; the masks come with them.
"""

import argparse

import torch
import tubelet
from torch.utils.data import DataLoader
from transformers import VideoMAEConfig, VideoMAEForPreTraining

MEAN = (0.485, 0.456, 0.406)  # ImageNet's, as VideoMAE uses them
STD = (0.229, 0.224, 0.225)


def small_model(size: int) -> VideoMAEForPreTraining:
    """A VideoMAE of 1.5 million parameters that starts from random weights."""
    config = VideoMAEConfig(
        image_size=size,
        hidden_size=192,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=768,
        decoder_hidden_size=96,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=3,
        decoder_intermediate_size=384,
        layer_norm_eps=1e-6,  # the paper's models have this; Hugging Face's default is 1e-12
        use_mean_pooling=False,  # with True there is no norm after the encoder, which pre-training needs
        norm_pix_loss=True,
    )
    return VideoMAEForPreTraining(config)


def normalised(video: torch.Tensor) -> torch.Tensor:
    """uint8 [B, 3, T, H, W] to float32 [B, T, 3, H, W], which is how Hugging Face wants it."""
    mean, std = (torch.tensor(values, device=video.device).view(3, 1, 1) for values in (MEAN, STD))
    return (video.transpose(1, 2).float() / 255 - mean) / std


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", help="a folder, a list, a manifest or shards")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=4, help="clips of a step")
    parser.add_argument("--size", type=int, default=64, help="height and width of a clip")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", help="folder to take weights from, instead of random ones")
    parser.add_argument("--out", help="folder to save the model in")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = VideoMAEForPreTraining.from_pretrained(args.init) if args.init else small_model(args.size)
    model.to(device).train()  # type: ignore[arg-type]  # transformers does not type `to`
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05)

    clips = tubelet.ClipDataset(
        args.videos,
        recipe="tiny",
        set={"clip.size": args.size},
        batch_size=args.batch,
        mask="tube",
        layout="NCTHW",
        seed=args.seed,
    )
    # Batches come ready from tubelet's own threads: DataLoader only pins them. Its worker processes are not needed.
    loader = DataLoader(clips, batch_size=None, num_workers=0, pin_memory=device.type == "cuda")

    step = 0
    while step < args.steps:  # each pass over the loader is an epoch
        for batch in loader:
            video = batch["video"].to(device, non_blocking=True)
            masked = batch.bool_masked_pos().to(device, non_blocking=True)  # [B, tokens], True: hidden
            loss = model(normalised(video), bool_masked_pos=masked).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
            print(f"step {step} loss {loss.item():.6f}", flush=True)
            if step == args.steps:
                break

    if args.out:
        model.save_pretrained(args.out)


if __name__ == "__main__":
    main()
