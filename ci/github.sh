#!/usr/bin/env bash
# One run of deploytool as a step on GitHub. Everything comes as environment variables: INPUT_* of action.yml,
# and GITHUB_* and RUNNER_TEMP of the runner. Ends with deploytool's own exit code.
set -euo pipefail
umask 077

case ${INPUT_COMMAND:-plan} in
  plan | converge | status) ;;
  *)
    echo '::error::the input command has to be plan, converge or status' >&2
    exit 2
    ;;
esac

scratch=$(mktemp -d "$RUNNER_TEMP/deploytool.XXXXXX")
agent=''
clean_up() {
  [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
  rm -f "$scratch/vault-password" "$scratch/agent"
}
trap clean_up EXIT

if [ -n "${INPUT_SSH_KEY:-}" ]; then
  eval "$(ssh-agent -s -a "$scratch/agent")" >/dev/null
  agent=$SSH_AGENT_PID
  printf '%s\n' "$INPUT_SSH_KEY" | tr -d '\r' | ssh-add -q -
fi
if [ -n "${INPUT_KNOWN_HOSTS:-}" ]; then
  mkdir -p ~/.ssh
  touch ~/.ssh/known_hosts
  while IFS= read -r line; do
    grep -qxF -- "$line" ~/.ssh/known_hosts || printf '%s\n' "$line" >>~/.ssh/known_hosts
  done < <(printf '%s\n' "$INPUT_KNOWN_HOSTS" | tr -d '\r')
fi

# Words of the command line, each one word whatever is in it. Options go before --, files after it.
words=("${INPUT_COMMAND:-plan}")
while IFS= read -r line; do
  [ -z "$line" ] || words+=("$line")
done < <(printf '%s\n' "${INPUT_OPTIONS:-}" | tr -d '\r')
if [ -n "${INPUT_EXTRA_VARS:-}" ]; then
  export DEPLOYTOOL_EXTRA_VARS=$INPUT_EXTRA_VARS # not a word: processes can see each other's words
fi
if [ -n "${INPUT_VAULT_PASSWORD:-}" ]; then
  printf '%s\n' "$INPUT_VAULT_PASSWORD" >"$scratch/vault-password"
  words+=(--vault-password-file "$scratch/vault-password")
fi
summary=''
case ${INPUT_COMMAND:-plan} in
  plan) words+=(--out "${INPUT_PLAN_FILE:=$scratch/plan.json}") ;;
  converge)
    [ -z "${INPUT_PLAN_FILE:-}" ] || words+=(--plan "$INPUT_PLAN_FILE")
    [ -z "${INPUT_LOCK_WAIT:-}" ] || words+=(--lock-wait "$INPUT_LOCK_WAIT")
    ;;
esac
if [ "${INPUT_COMMAND:-plan}" != status ]; then
  summary="$scratch/summary.md"
  words+=(--summary "$summary")
  [ -z "${INPUT_JUNIT:-}" ] || words+=(--junit "$INPUT_JUNIT")
fi
[ "${INPUT_FAIL_ON_CHANGES:-false}" != true ] || words+=(--detailed-exitcode)
words+=(--)
[ -z "${INPUT_INVENTORY:-}" ] || words+=("$INPUT_INVENTORY")
while IFS= read -r line; do
  [ -z "$line" ] || words+=("$line")
done < <(printf '%s\n' "${INPUT_PLAYBOOKS:-}" | tr -d '\r')

unset INPUT_SSH_KEY INPUT_VAULT_PASSWORD INPUT_EXTRA_VARS INPUT_KNOWN_HOSTS
code=0
touch "$scratch/begun"
deploytool "${words[@]}" || code=$?

changes=false
if [ "${INPUT_COMMAND:-plan}" = plan ] && [ "$code" != 1 ] && [ "$INPUT_PLAN_FILE" -nt "$scratch/begun" ]; then
  steps=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["summary"]["steps"])' "$INPUT_PLAN_FILE") || steps=0
  [ "$steps" = 0 ] || changes=true
fi
if [ -n "$summary" ] && [ -s "$summary" ]; then
  cat "$summary" >>"$GITHUB_STEP_SUMMARY"
  echo "summary=$summary" >>"$GITHUB_OUTPUT"
fi
{
  echo "exit-code=$code"
  echo "changes=$changes"
} >>"$GITHUB_OUTPUT"
exit "$code"
