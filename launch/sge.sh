#!/usr/bin/env bash
# Trains under Grid Engine: stops with a checkpoint when its time is over, queues itself again, and goes on from there
# until all steps are done.
#
#   qsub launch/sge.sh [--cluster FILE] [--each FILE] RECIPE.yaml [section.key=value ...]
#
# Change two places: the #$ lines, and the line that loads Open MPI. `swiftdp` is $SWIFTDP or on the PATH.
#
#   qsub launch/sge.sh run.yaml training.steps=500
#   qsub -pe mpi 64 -l h_rt=12:00:00 launch/sge.sh run.yaml    # qsub's options win over the lines below
#   qsub -t 1-3 launch/sge.sh --each rates.txt run.yaml        # task 1 takes the first line of rates.txt, such as
#                                                              # optimizer.learning_rate=1e-3 output=runs/a
#   qdel JOB    # with -notify, a checkpoint and the end
#
#$ -N swiftdp
#$ -S /bin/bash
#$ -cwd
#$ -j y
#$ -V
#$ -r y
#$ -notify
#$ -pe mpi 16
#$ -l h_rt=04:00:00
# The parallel environment has another name at each site (qconf -spl). One slot is one core.
set -u

# module load openmpi
threads=1 # cores of a rank; the slots are divided among ranks of so many

fail() { echo "sge.sh: $1" >&2; exit 64; }
swiftdp=${SWIFTDP:-$(command -v swiftdp || true)}
[ -x "$swiftdp" ] ||
  fail "there is no swiftdp on the PATH (export SWIFTDP=/path/to/swiftdp before qsub)"
command -v mpirun >/dev/null || fail "there is no mpirun on the PATH (load the module of Open MPI in this script)"

cluster='' each=''
while [ $# -gt 1 ]; do
  case $1 in
  --cluster) cluster=$2 ;;
  --each) each=$2 ;;
  *) break ;;
  esac
  shift 2
done
[ $# -gt 0 ] || fail "which recipe? qsub launch/sge.sh run.yaml"
recipe=("$1")
settings=("${@:2}")

options=()
if [ -n "$cluster" ]; then
  words=$("$swiftdp" cluster mpirun "$cluster") || exit
  [ -z "$words" ] || mapfile -t options <<<"$words"
  words=$("$swiftdp" cluster settings "$cluster") || exit
  [ -z "$words" ] || mapfile -t -O 1 recipe <<<"$words"
fi
[ -n "${NSLOTS:-}" ] || fail "this script is for qsub: qsub launch/sge.sh run.yaml"
[ "$threads" = 1 ] || options+=(-np $((NSLOTS / threads)) --map-by "slot:PE=$threads")
recipe+=("parallel.threads=$threads")

task=${SGE_TASK_ID:-undefined}
[ "$task" = undefined ] || [ -n "$each" ] || fail "the tasks of an array differ by a line each of a file: --each FILE"
if [ -n "$each" ]; then
  lines=$(grep -v -e '^[[:space:]]*#' -e '^[[:space:]]*$' "$each") || fail "$each has no lines"
  outputs=$(grep -o 'output=[^[:space:]]*' <<<"$lines" | sort | uniq -u | wc -l)
  [ "$outputs" = "$(wc -l <<<"$lines")" ] || fail "$each: each line needs an output=FOLDER of its own"
  line=$(sed -n "${task/undefined/1}p" <<<"$lines")
  [ -n "$line" ] || fail "$each has no line for task $task (the first is that of task 1)"
  words=$(xargs -n 1 printf '%s\n' <<<"$line") || fail "$each: \"$line\" cannot be read"
  mapfile -t -O ${#settings[@]} settings <<<"$words"
fi

# With -notify, SIGUSR1 comes before a suspension and at s_rt, SIGUSR2 before the end: qdel, or h_rt. They reach supervise
# as well, which ends the run in order after SIGUSR2, however often it comes.
run='' heard='' asked='' again=yes
# shellcheck disable=SC2317 # traps call it
stop() {
  heard=yes asked=yes
  [ -z "$run" ] || kill -USR2 "$run" 2>/dev/null
}
trap stop USR1
trap 'again=; stop' USR2
"$swiftdp" supervise -- mpirun "${options[@]}" "$swiftdp" train "${recipe[@]}" "${settings[@]}" &
run=$!
[ -z "$asked" ] || kill -USR2 "$run"
# A signal ends the wait, but not the run.
while :; do
  heard=''
  wait "$run"
  code=$?
  [ -n "$heard" ] || break
done
# Asked to end while it was still starting.
[ "$asked$code" != yes140 ] || code=75

# 75 is "start again to go on", for which Grid Engine's word is 99.
[ "$code" = 75 ] && [ -n "$again" ] || exit "$code"
echo "sge.sh: queues again"
exit 99
