"""Tests a classifier of Hugging Face on several views of each video: clips along time, and crops of each.

    python evaluate_views.py model films --views 5x3 --out logits.json

Needs torch and transformers. `model` is a folder for `VideoMAEForVideoClassification.from_pretrained`, such as
`tubelet convert RUN model --to hf` writes; `films` has a folder for each class. The logits of a video's views are
averaged, as `tubelet evaluate --by score` does. The classes of model and films are compared by their names.
"""

import argparse
import json
from collections import defaultdict

import torch
import tubelet
from torch.utils.data import DataLoader
from transformers import VideoMAEForVideoClassification

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as VideoMAE uses them


def normalised(video: torch.Tensor) -> torch.Tensor:
    """uint8 [B, 3, T, H, W] to float32 [B, T, 3, H, W], which is how Hugging Face wants it."""
    mean, std = (torch.tensor(values, device=video.device).view(3, 1, 1) for values in (MEAN, STD))
    return (video.transpose(1, 2).float() / 255 - mean) / std


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder of Hugging Face")
    parser.add_argument("videos", help="a folder with a folder for each class, a list, or a manifest")
    parser.add_argument("--views", default="2x3", help="clips along time x crops")
    parser.add_argument("--stride", type=int, default=4, help="frames of the video from one frame of a clip to the next")
    parser.add_argument("--batch", type=int, default=6, help="views computed at once")
    parser.add_argument("--out", help="file for the mean logits of each video, as JSON")
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = VideoMAEForVideoClassification.from_pretrained(args.model).eval()
    torch.nn.Module.to(model, device)
    config = model.config
    clips, crops = map(int, args.views.split("x"))
    views = tubelet.ClipDataset(
        args.videos,
        recipe="finetune-small",
        set={"clip.size": config.image_size, "clip.frames": config.num_frames, "clip.stride": args.stride},
        batch_size=args.batch,
        labels=True,
        views=(clips, crops),
        layout="NCTHW",
        rank=0,
        world_size=1,
    )

    logits: dict[str, list[torch.Tensor]] = defaultdict(list)
    names: dict[str, str] = {}
    with torch.inference_mode():
        for batch in DataLoader(views, batch_size=None, num_workers=0):
            of_views = model(normalised(batch["video"].to(device))).logits.cpu()
            for path, label, of_view in zip(batch["path"], batch["label"], of_views):
                logits[path].append(of_view)
                names[path] = views.classes[int(label)]

    mean = {path: torch.stack(of_views).mean(0) for path, of_views in logits.items()}
    classes = config.id2label or {}
    right = sum(classes[int(of_video.argmax())] == names[path] for path, of_video in mean.items())
    print(f"top-1 {right} of {len(mean)} videos, {clips}x{crops} views")
    for path, verdict, reason in views.quarantined:
        print(f"not tested: {path}: {verdict}: {reason}")
    if args.out:
        with open(args.out, "w") as file:
            json.dump({path: of_video.tolist() for path, of_video in mean.items()}, file)


if __name__ == "__main__":
    main()
