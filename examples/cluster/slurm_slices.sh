#!/usr/bin/env bash
# Prepares many videos on a Slurm cluster: an array of tasks that each do a slice, and a job that puts the slices together
# once all of them have ended well.
#
#   bash slurm_slices.sh                             submits both
#   sbatch --array=3,7 slurm_slices.sh slice         does slices again that failed; then: sbatch slurm_slices.sh finish
#
# Change: the two lines of work, the number of slices, what a task may use. Every node sees VIDEOS and the output under the
# same paths. A task that Slurm starts again goes on where it was ended.
#SBATCH --job-name=tubelet
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --output=tubelet-%A_%a.log
set -euo pipefail

slices=${SLICES:-16}
work=(tubelet preprocess "${VIDEOS:-/data/films.parquet}" --out "${OUT:-/data/shards}"
  --store frames --short-side 256 --clips-per-video 4 --clips-per-shard 256)

case ${1:-submit} in
  submit)
    array=$(sbatch --parsable --array="0-$((slices - 1))" "$0" slice)
    sbatch --dependency="afterok:${array%%;*}" --cpus-per-task=1 "$0" finish
    ;;
  slice) exec "${work[@]}" --workers "${SLURM_CPUS_PER_TASK:-8}" --slice "auto/$slices" ;;
  finish) exec "${work[@]}" --finish ;;
esac
