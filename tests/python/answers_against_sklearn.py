"""What `tubelet evaluate` says of several labels, or of numbers, beside what scikit-learn says of the same predictions.

    python tests/python/answers_against_sklearn.py PREDICTIONS [RUN]

PREDICTIONS is what `tubelet evaluate --out` wrote; the number of views and failures does not matter. With RUN, a
fine-tuning with `classifier.class_weights=balanced` whose training videos are those of PREDICTIONS, its weights are
compared with `compute_class_weight`. `tubelet` is taken from the PATH, or from TUBELET. Needs pyarrow and
scikit-learn. Exits with 1 where a number differs by more than 1e-9.
"""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from sklearn.metrics import average_precision_score, mean_absolute_error, mean_squared_error, r2_score
from sklearn.utils.class_weight import compute_class_weight


def answers(table, problem):
    """Answers and what is right of each video: the mean over views of probabilities, or of numbers."""
    logits, right = {}, {}
    for row in table.to_pylist():
        if row.get("labels") is not None:
            right[row["row"]] = row["labels"]
        elif row["label"] is not None:
            right[row["row"]] = row["label"]
        if row["logits"] is not None:
            logits.setdefault(row["row"], []).append(row["logits"])
    known = sorted(right)
    right = np.array([right[row] for row in known], dtype=np.float64)
    views = [np.array(logits.get(row, np.empty((0, 0))), dtype=np.float64) for row in known]
    if problem == "multi_label_classification":
        # A video without a view stands behind all others.
        width = right.shape[1]
        return np.array([(1 / (1 + np.exp(-v))).mean(0) if v.size else np.full(width, -1.0) for v in views]), right
    centre = right.mean(0)
    return np.array([v.mean(0) if v.size else centre for v in views]), right


def expected(table, tested):
    problem = tested["problem_type"]
    found, right = answers(table, problem)
    if problem == "multi_label_classification":
        classes = range(right.shape[1])
        each = [average_precision_score(right[:, at], found[:, at]) if right[:, at].any() else None for at in classes]
        return {
            "map": np.mean([value for value in each if value is not None]),
            "map_micro": average_precision_score(right.ravel(), found.ravel()),
            **{f"AP of {tested['classes'][at]}": each[at] for at in classes},
        }
    return {
        "mse": mean_squared_error(right, found),
        "mae": mean_absolute_error(right, found),
        "r2": r2_score(right, found),
        "correlation": np.mean([np.corrcoef(found[:, at], right[:, at])[0, 1] for at in range(right.shape[1])]),
    }


def weights(table, tested, run):
    """Pairs of a weight of the run and scikit-learn's."""
    ours = tomllib.loads((run / "recipe.toml").read_text())["classifier"]["class_weights"]
    if tested.get("problem_type"):
        _, right = answers(table, "multi_label_classification")
        theirs = []
        for column in right.T:
            has_not, has = compute_class_weight("balanced", classes=np.array([0, 1]), y=column.astype(int))
            theirs.append(has / has_not)
    else:
        labels = {row["row"]: row["label"] for row in table.to_pylist()}
        theirs = compute_class_weight("balanced", classes=np.arange(len(tested["classes"])), y=list(labels.values()))
    return {f"weight of {name}": pair for name, pair in zip(tested["classes"], zip(ours, theirs))}


def main():
    predictions = Path(sys.argv[1])
    table = parquet.read_table(predictions)
    tested = json.loads(table.schema.metadata[b"tubelet.tested"])
    pairs = {}
    if tested.get("problem_type"):
        command = [os.environ.get("TUBELET", "tubelet"), "evaluate", "--from", str(predictions), "--json"]
        said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for line in said.get("classes", []):
            said[f"AP of {line['class']}"] = line["average_precision"]
        pairs = {name: (said[name], value) for name, value in expected(table, tested).items()}
    if len(sys.argv) > 2:
        pairs |= weights(table, tested, Path(sys.argv[2]))
    apart = 0.0
    for name, (ours, theirs) in pairs.items():
        print(f"{name:>20} {ours:.12f} {theirs:.12f}" if theirs is not None else f"{name:>20} {ours} {theirs}")
        apart = max(apart, abs(ours - theirs) if theirs is not None else float(ours is not None))
    print(f"{len(pairs)} numbers, largest difference {apart:.1e}")
    sys.exit(int(not pairs or not apart <= 1e-9))


if __name__ == "__main__":
    main()
