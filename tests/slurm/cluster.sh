# A real SLURM of one node in a temporary folder, for the tests beside it (begin.sh): munged, slurmctld and slurmd with a configuration, a key, a
# socket, ports and folders of their own, so that a cluster this machine belongs to is neither used nor disturbed.
# Root only: slurmd runs jobs as their users. `cluster_start DIR`, then sbatch, squeue, ... as usual; `cluster_stop` at the end.
MUNGED=$(command -v munged || echo /usr/sbin/munged)
SLURMCTLD=$(command -v slurmctld || echo /usr/sbin/slurmctld)
SLURMD=$(command -v slurmd || echo /usr/sbin/slurmd)
DAEMONS=()   # process ids, in the order of their start

# Why there can be no cluster here, or nothing.
cluster_obstacle() {
  local program
  if [ "$(id -u)" != 0 ]; then echo "slurmd needs root"; return; fi
  for program in "$MUNGED" "$SLURMCTLD" "$SLURMD" sbatch squeue scontrol scancel; do
    command -v "$program" >/dev/null ||
      { echo "no ${program##*/} here; apt-get install $(sed 's/#.*//' "$SOURCE/tools/setup/slurm.txt" | xargs)"; return; }
  done
}

configuration() {   # DIR
  local dir=$1 host
  host=$(hostname -s)
  cat <<END
ClusterName=vega
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
MpiDefault=none
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldDebug=info
SlurmdDebug=info
ReturnToService=2
JobRequeue=1
KillWait=30
# More processors and memory than there may be: the tasks of an array shall run at once.
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=262144 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

# until_true COMMAND...: polls; fails after 20 minutes, which only something that hangs takes. PATIENCE=SECONDS: other limit.
until_true() {
  local end=$((SECONDS + ${PATIENCE:-1200}))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

node_idle() { [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; }

cluster_start() {   # DIR: absolute, of this test alone
  local dir=$1
  mkdir -p "$dir/state" "$dir/spool"
  (umask 077 && head -c 128 /dev/urandom >"$dir/munge.key")
  configuration "$dir" >"$dir/slurm.conf"
  export SLURM_CONF=$dir/slurm.conf
  # In the foreground of a background job, so that their process ids are known from the first moment; they end with this shell
  # even where that is killed.
  setpriv --pdeathsig TERM "$MUNGED" --foreground --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munge.pid" \
    --seed-file="$dir/munge.seed" --log-file="$dir/munge.log" --num-threads=2 </dev/null >"$dir/munged.out" 2>&1 &
  DAEMONS+=($!)
  PATIENCE=300 until_true test -S "$dir/munge.socket" || return 1
  setpriv --pdeathsig TERM "$SLURMCTLD" -D -c -f "$SLURM_CONF" </dev/null >"$dir/slurmctld.out" 2>&1 &
  DAEMONS+=($!)
  setpriv --pdeathsig TERM "$SLURMD" -D -c -f "$SLURM_CONF" </dev/null >"$dir/slurmd.out" 2>&1 &
  DAEMONS+=($!)
  PATIENCE=300 until_true node_idle
}

cluster_logs() {   # DIR: for a failure
  local log
  for log in "$1"/{munged.out,munge.log,slurmctld.log,slurmd.log}; do
    [ ! -s "$log" ] || { echo "--- $log"; tail -n 25 "$log"; }
  done
}

cluster_stop() {   # every job, every daemon; what does not go is killed
  local i pid
  [ "${#DAEMONS[@]}" -lt 3 ] || scancel --user="$(id -un)" --full >/dev/null 2>&1 || true
  [ "${#DAEMONS[@]}" -lt 3 ] || PATIENCE=40 until_true no_jobs || true
  for ((i = ${#DAEMONS[@]} - 1; i >= 0; --i)); do
    pid=${DAEMONS[i]}
    kill -TERM "$pid" 2>/dev/null || continue
    PATIENCE=15 until_true gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  DAEMONS=()
}
gone() { ! kill -0 "$1" 2>/dev/null; }
no_jobs() { [ -z "$(squeue -h 2>/dev/null)" ]; }
