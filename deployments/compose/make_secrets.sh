#!/bin/sh
# Makes the five secrets of compose.yaml, where they are not there yet, readable by their owner.
# Usage: deployments/compose/make_secrets.sh [FOLDER]     (by default `secrets` beside this file)
set -eu

folder=${1:-$(cd "$(dirname "$0")" && pwd)/secrets}
umask 077
mkdir -p "$folder"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # NAME TEXT
    [ -e "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"
}

keep postgres_password "$(random)"
keep database "postgresql://joulepilot:$(cat "$folder/postgres_password")@postgres:5432"
keep hub_login "joulepilot:$(random)"
keep prefect_login "joulepilot:$(random)"
keep mlflow_login "joulepilot:$(random)"
# The programs in the containers are not the owner of these files; the folder keeps others out.
chmod 0444 "$folder"/*
echo "secrets are in $folder"
