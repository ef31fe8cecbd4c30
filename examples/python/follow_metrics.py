"""Feeds the metrics of a run to Trackio as they are written: python follow_metrics.py RUN

Needs trackio. `import wandb as trackio` feeds Weights & Biases instead. Ctrl-C ends it; a run that is killed and goes on is
followed further. For TensorBoard nothing is needed: a run has its events already.
"""

import json
import sys
import time
from pathlib import Path

import trackio

run, last = Path(sys.argv[1]).resolve(), 0
trackio.init(project="tubelet", name=run.name)
while True:
    text = (run / "metrics.jsonl").read_text()
    for line in text[: text.rfind("\n") + 1].splitlines():  # the line that is being written comes next time
        metrics = json.loads(line)
        if metrics["step"] > last:
            last = metrics.pop("step")
            trackio.log(metrics, step=last)
    time.sleep(5)
