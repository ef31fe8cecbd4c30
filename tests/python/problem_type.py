"""Kinds of answer between tubelet and transformers: `problem_type` goes there and back, and so do logits and loss.

    python tests/python/problem_type.py TUBELET

TUBELET is the command. transformers makes a small classifier of each `problem_type` (and one of one answer without any,
which transformers takes for regression when it is given labels); `tubelet convert` brings each to tubelet's own file and
back. What comes back must have the kind, the names of the answers, the same logits and the same loss for the same labels.
Needs torch and transformers.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

KINDS = {
    "single_label_classification": 3,
    "multi_label_classification": 3,
    "regression": 2,
    None: 1,
}


def labels_of(kind, answers):
    if kind == "single_label_classification":
        return torch.tensor([2, 0])
    return torch.rand(2, answers).round() if kind == "multi_label_classification" else torch.randn(2, answers)


def main():
    tubelet, apart = sys.argv[1], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for kind, answers in KINDS.items():
            torch.manual_seed(1)
            config = VideoMAEConfig(
                image_size=32,
                num_frames=4,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=64,
                id2label={at: f"answer {at}" for at in range(answers)},
                label2id={f"answer {at}": at for at in range(answers)},
                problem_type=kind,
            )
            model = VideoMAEForVideoClassification(config).eval()
            torch.nn.init.normal_(model.classifier.weight)
            there, own, back = (Path(folder) / f"{kind}-{name}" for name in ("there", "own", "back"))
            model.save_pretrained(there)
            for source, target, form in ((there, own, "tubelet"), (own, back, "hf")):
                subprocess.run([tubelet, "convert", source, target, "--to", form], check=True, capture_output=True)
            again = VideoMAEForVideoClassification.from_pretrained(back).eval()
            wanted = kind or "regression"
            assert again.config.problem_type == wanted, (kind, again.config.problem_type)
            assert again.config.id2label == config.id2label, again.config.id2label
            pixels, labels = torch.randn(2, 4, 3, 32, 32), labels_of(kind, answers)
            if answers == 1:
                labels = labels.squeeze(1)
            with torch.no_grad():
                one, other = (each(pixel_values=pixels, labels=labels) for each in (model, again))
            difference = max((one.logits - other.logits).abs().max().item(), abs(one.loss - other.loss).item())
            print(f"{wanted:>28} of {answers}: loss {other.loss:.6f}, largest difference {difference:.1e}")
            apart = max(apart, difference)
    sys.exit(int(not apart <= 1e-5))


if __name__ == "__main__":
    main()
