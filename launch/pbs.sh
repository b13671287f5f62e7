#!/usr/bin/env bash
# Trains under PBS Pro, OpenPBS or Torque: stops with a checkpoint when its time is over, queues itself again, and goes
# on from there until all steps are done.
#
#   launch/pbs.sh [QSUB OPTIONS --] [--cluster FILE] [--each FILE] RECIPE.yaml [section.key=value ...]
#
# It submits itself, since qsub gives a script no arguments. Change two places: the #PBS lines, and the line that loads
# Open MPI. `swiftdp` is $SWIFTDP or on the PATH. The output goes to swiftdp-JOB.log.
#
#   launch/pbs.sh run.yaml training.steps=500
#   launch/pbs.sh -l select=4:ncpus=32:mpiprocs=2:ompthreads=16 -- run.yaml    # qsub's options win over the lines below
#   launch/pbs.sh -J 0-2 -- --each rates.txt run.yaml    # task 0 takes the first line of rates.txt, such as
#                                                        # optimizer.learning_rate=1e-3 output=runs/a
#   qsig -s SIGUSR1 JOB    # a checkpoint now; the job queues again
#   qsig -s SIGUSR2 JOB    # a checkpoint now, and the end
#   qdel JOB               # the end
#
#PBS -N swiftdp
#PBS -j oe
#PBS -r y
#PBS -l select=1:ncpus=16:mpiprocs=2:ompthreads=8
#PBS -l walltime=04:00:00
# mpiprocs is the number of ranks of a node, ompthreads the threads of each. Torque: -l nodes=1:ppn=16
set -u

fail() { echo "pbs.sh: $1" >&2; exit 64; }

if [ -z "${PBS_JOBID:-}" ]; then
  command -v qsub >/dev/null || fail "there is no qsub on the PATH (run this where jobs are submitted)"
  submit=()
  for word; do
    if [ "$word" = -- ]; then
      while [ "$1" != -- ]; do
        submit+=("$1")
        shift
      done
      shift
      break
    fi
  done
  [ $# -gt 0 ] || fail "which recipe? launch/pbs.sh run.yaml"
  # In a form that survives the list of variables of a job.
  SWIFTDP_ARGUMENTS=$(printf '%q ' "$@" | base64 -w 0)
  SWIFTDP_SUBMIT=$([ ${#submit[@]} = 0 ] || printf '%q ' "${submit[@]}" | base64 -w 0)
  export SWIFTDP_ARGUMENTS SWIFTDP_SUBMIT
  exec qsub -V "${submit[@]}" "$0"
fi

cd "${PBS_O_WORKDIR:-.}" || exit
name=${PBS_JOBID%%.*}
name=${name/[/-} # a task of an array is 12[3]
exec >>"swiftdp-${name%]}.log" 2>&1

# module load openmpi

swiftdp=${SWIFTDP:-$(command -v swiftdp || true)}
[ -x "$swiftdp" ] ||
  fail "there is no swiftdp on the PATH (export SWIFTDP=/path/to/swiftdp before it is submitted)"
command -v mpirun >/dev/null || fail "there is no mpirun on the PATH (load the module of Open MPI in this script)"

[ -n "${SWIFTDP_ARGUMENTS:-}" ] || fail "this script submits itself: launch/pbs.sh run.yaml"
eval "set -- $(base64 -d <<<"$SWIFTDP_ARGUMENTS")"
cluster='' each=''
while [ $# -gt 1 ]; do
  case $1 in
  --cluster) cluster=$2 ;;
  --each) each=$2 ;;
  *) break ;;
  esac
  shift 2
done
[ $# -gt 0 ] || fail "which recipe? launch/pbs.sh run.yaml"
recipe=("$1")
settings=("${@:2}")

options=()
if [ -n "$cluster" ]; then
  words=$("$swiftdp" cluster mpirun "$cluster") || exit
  [ -z "$words" ] || mapfile -t options <<<"$words"
  words=$("$swiftdp" cluster settings "$cluster") || exit
  [ -z "$words" ] || mapfile -t -O 1 recipe <<<"$words"
fi
# An Open MPI that was built without PBS reads the list of nodes.
ompi_info --parsable | grep -q '^mca:plm:tm:' || options+=(--hostfile "$PBS_NODEFILE")
[ -z "${OMP_NUM_THREADS:-}" ] || recipe+=("parallel.threads=$OMP_NUM_THREADS")

task=${SWIFTDP_TASK:-${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-}}}
[ -z "$task" ] || [ -n "$each" ] || fail "the tasks of an array differ by a line each of a file: --each FILE"
if [ -n "$each" ]; then
  lines=$(grep -v -e '^[[:space:]]*#' -e '^[[:space:]]*$' "$each") || fail "$each has no lines"
  outputs=$(grep -o 'output=[^[:space:]]*' <<<"$lines" | sort | uniq -u | wc -l)
  [ "$outputs" = "$(wc -l <<<"$lines")" ] || fail "$each: each line needs an output=FOLDER of its own"
  line=$(sed -n "$((${task:-0} + 1))p" <<<"$lines")
  [ -n "$line" ] || fail "$each has no line for task $task (the first is that of task 0)"
  words=$(xargs -n 1 printf '%s\n' <<<"$line") || fail "$each: \"$line\" cannot be read"
  mapfile -t -O ${#settings[@]} settings <<<"$words"
fi

# They reach supervise as well, which ends the run in order after SIGUSR2, however often it comes. SIGTERM is qdel's, or
# that of a preemption, after which PBS queues the job again itself.
run='' heard='' asked='' again=yes
# shellcheck disable=SC2317 # traps call it
stop() {
  heard=yes asked=yes
  [ -z "$run" ] || kill -USR2 "$run" 2>/dev/null
}
trap stop USR1
trap 'again=; stop' USR2 TERM
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

# 75 is "start again to go on".
[ "$code" = 75 ] && [ -n "$again" ] || exit "$code"
echo "pbs.sh: queues again"
# Sites may leave qrerun to their operators; a new job with the same words does as well.
if ! qrerun "$PBS_JOBID"; then
  eval "submit=($(base64 -d <<<"${SWIFTDP_SUBMIT:-}"))"
  if [ -n "$task" ]; then
    export SWIFTDP_TASK=$task
    words=("${submit[@]}") submit=()
    while [ ${#words[@]} -gt 0 ]; do
      case ${words[0]} in
      -J | -t) words=("${words[@]:2}") ;;
      *)
        submit+=("${words[0]}")
        words=("${words[@]:1}")
        ;;
      esac
    done
  fi
  qsub -V "${submit[@]}" "$0" || echo "pbs.sh: cannot be queued again: submit it once more to go on" >&2
fi
exit "$code"
