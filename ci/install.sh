#!/usr/bin/env bash
# Installs deploytool into a virtual environment of its own, and puts it on the PATH of the steps that follow.
set -euo pipefail

home="$RUNNER_TEMP/deploytool"
python3 -m venv "$home"
"$home/bin/pip" install --quiet --disable-pip-version-check "${INPUT_INSTALL:-$GITHUB_ACTION_PATH}"
mkdir -p "$home/path"
ln -sf ../bin/deploytool "$home/path/deploytool"
echo "$home/path" >>"$GITHUB_PATH"
