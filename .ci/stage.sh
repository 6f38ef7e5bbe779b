# Stages of .ci/run, which sources this: each is timed, and the first one that fails ends the run. The end of the output says what
# was skipped and why, which stage failed, with its last lines, and the totals. Needs $work, a folder. Its tests are in
# test/house/ci.test.ts.

# Programs that run tests write their counts to this folder (scripts/test-report.ts).
export STEPSPAN_TEST_REPORTS=$work/reports
mkdir -p "$STEPSPAN_TEST_REPORTS"

# How many lines of a failed stage are repeated at the end.
repeated_lines=40

# Runs in this shell, as some stages export what later ones use.
stage() {
  local name=$1 start=$SECONDS status=0 copy log="$work/stage.log"
  shift
  echo "=== $name"
  exec 3> >(exec tee "$log")
  copy=$!
  "$@" >&3 2>&1 3>&- || status=$?
  exec 3>&-
  # A process that outlives its stage can hold the pipe open: it must not hold up the run.
  for _ in $(seq 20); do kill -0 "$copy" 2>/dev/null || break; sleep 0.1; done
  if [ "$status" -ne 0 ]; then
    finish "$name" "$log" $((SECONDS - start))
    exit 1
  fi
  echo "=== $name: $((SECONDS - start)) s"
}

# Names and commands by turns; all run at once, and each prints in one piece when all have ended: what failed comes last.
side_by_side() {
  local names=() pids=() failed=() i
  while [ $# -gt 0 ]; do
    ( eval "$2" ) >"$work/side-$1.log" 2>&1 &
    names+=("$1") pids+=($!)
    shift 2
  done
  for i in "${!pids[@]}"; do
    if wait "${pids[i]}"; then
      echo "--- ${names[i]} passed"
      cat "$work/side-${names[i]}.log"
    else
      failed+=("${names[i]}")
    fi
  done
  for i in "${failed[@]}"; do
    cat "$work/side-$i.log"
    echo "--- $i FAILED"
  done
  [ "${#failed[@]}" -eq 0 ]
}

# The end of the run: with the name, output and seconds of the stage that failed, if one did.
finish() {
  local name=${1-}
  echo
  report details "$STEPSPAN_TEST_REPORTS"
  if [ -n "$name" ]; then
    echo "=== the last $repeated_lines lines of $name:"
    tail -n "$repeated_lines" "$2"
    echo "=== $name FAILED after $3 s"
  fi
  echo "=== everything: $SECONDS s"
  report totals "$STEPSPAN_TEST_REPORTS" "$name" || echo "0 passed, 1 failed, 0 skipped"
}

# Without an installed Node nothing has been counted.
report() { node_modules/.bin/node scripts/test-report.ts "$@" 2>/dev/null; }
