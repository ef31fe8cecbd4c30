#!/usr/bin/env bash
# Pre-trains one model in several processes by mpirun, on this machine or on several.
#
#   examples/cluster/mpirun.sh                       on this machine
#   HOSTS=a:1,b:1 PROCESSES=2 examples/cluster/…     on others, which ssh reaches without a password
#
# To change: the four settings below, and the arguments of tubelet. Every machine has the command (built with
# `--features mpi`), the videos and the folder of the run under the same paths. PROCESSES divides the number of
# micro-batches of an update: 64 clips in micro-batches of 4 are 16.
#
# SIGTERM, as Slurm and Kubernetes send it, ends the training after the step in hand, with a checkpoint and exit code 0:
# mpirun would kill all processes a second later, but hands on SIGUSR2, which asks for the same. Started again, the training
# goes on, with any number of processes.
set -euo pipefail

processes=${PROCESSES:-2}
data=${DATA:-films}
out=${OUT:-run}
hosts=(${HOSTS:+--host "$HOSTS"})

resume=()
[ ! -e "$out/recipe.toml" ] || resume=(--resume)
# One process a socket is a good beginning: --map-by ppr:1:socket --bind-to socket. Without binding, tubelet shares out the
# cores of a machine among its processes.
mpirun -n "$processes" "${hosts[@]}" --bind-to none \
  "${TUBELET:-tubelet}" pretrain --data "$data" --out "$out" --recipe laptop \
  --set optimiser.batch=64 --set optimiser.micro_batch=4 "${resume[@]}" "$@" &
pid=$! stopped=
trap 'stopped=1; kill -USR2 $pid 2>/dev/null' TERM
finish() { code=0; wait $pid || code=$?; }
finish
# A signal ends `wait` before mpirun ends.
while [ -n "$stopped" ]; do stopped=; finish; done
exit "$code"
