#!/bin/sh
# Builds joulepilot/inference-server:latest with the networks of the demo inside; does nothing
# when it is up to date.
# Usage: deployments/images/build.sh [PYTHON]
#   PYTHON       an interpreter with joulepilot[pipeline]; by default .venv/bin/python
#   BASE_IMAGE   an image with Python 3.11 or newer; by default one made of Debian packages where
#                apt-get is, else python:3.11-slim
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=${here%/deployments/images}
python=${1:-$repository/.venv/bin/python}
image=joulepilot/inference-server:latest
networks="mlp-small mobilenet"
sources="components/__init__.py components/errors.py components/node/__init__.py
components/node/cpuset.py components/node/errors.py components/durable_file.py
components/actuation/__init__.py components/actuation/errors.py components/actuation/hint.py
components/inference_server"
packages="numpy onnxruntime opentelemetry-exporter-otlp-proto-http opentelemetry-sdk"
label=build.joulepilot.inputs # not "joulepilot.…": containers inherit it, and those are job labels
work=$repository/build/images

say() { echo "build: $*" >&2; }
digest_of() { sha256sum | cut -c1-64; }

case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;; esac
cd "$repository"
mkdir -p "$work"

if [ -n "${BASE_IMAGE:-}" ]; then
    base=$BASE_IMAGE
elif command -v apt-get >/dev/null; then
    base=$(sh "$here/build_base_image.sh")
else
    base=python:3.11-slim
fi
docker image inspect "$base" >/dev/null 2>&1 || docker pull "$base" >&2
base_id=$(docker image inspect -f '{{.Id}}' "$base")

files=$(find $sources -name '*.py' | LC_ALL=C sort)
inputs=$({
    echo "$base_id $networks $packages"
    sha256sum requirements.lock deployments/images/build.sh \
        deployments/images/inference_server/Dockerfile $files
} | digest_of)
built=$(docker image inspect -f "{{index .Config.Labels \"$label\"}}" "$image" 2>/dev/null || true)
if [ "$built" = "$inputs" ]; then
    say "$image is up to date"
    exit 0
fi
before=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)

# The packages are those of the image's Python and processor, which need not be the host's.
# shellcheck disable=SC2016
facts=$(docker run --rm --network none --entrypoint python3 "$base" -c \
    'import platform, sys; print("%d.%d" % sys.version_info[:2], platform.machine())')
version=${facts% *}
machine=${facts#* }
wheels=$work/packages-$({ echo "$facts $packages"; cat requirements.lock; } | digest_of | cut -c1-16)

scratch=$(mktemp -d "$work/context.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
if [ ! -d "$wheels" ]; then
    say "fetching $packages for Python $version on $machine"
    platforms=
    for glibc in 17 24 26 27 28 31 34 35; do
        platforms="$platforms --platform manylinux_2_${glibc}_$machine"
    done
    # shellcheck disable=SC2086
    "$python" -m pip install --quiet --quiet --disable-pip-version-check --no-compile \
        --target "$scratch/packages" --only-binary=:all: --implementation cp \
        --python-version "$version" $platforms --platform "manylinux2014_$machine" \
        -c requirements.lock $packages >&2
    find "$scratch/packages" -type d \( -name tests -o -name bin \) -prune -exec rm -rf {} +
    mv -T "$scratch/packages" "$wheels" 2>/dev/null || [ -d "$wheels" ] # another build was faster
fi

mkdir -p "$scratch/context/networks"
cp -Rl "$wheels" "$scratch/context/packages"
cp deployments/images/inference_server/Dockerfile "$scratch/context/"
for file in $files; do
    mkdir -p "$scratch/context/$(dirname "$file")"
    cp "$file" "$scratch/context/$file"
done
for network in $networks; do
    "$python" -m components.inference_server.networks "$network" "$scratch/context/networks/$network.onnx"
done
chmod -R a+rX "$scratch/context"

say "building $image on $base"
if ! DOCKER_BUILDKIT=0 docker build --build-arg "BASE_IMAGE=$base" --label "$label=$inputs" \
    --tag "$image" "$scratch/context" >"$scratch/log" 2>&1; then
    cat "$scratch/log" >&2
    exit 1
fi
after=$(docker image inspect -f '{{.Id}}' "$image")
if [ -n "$before" ] && [ "$before" != "$after" ]; then
    docker image rm "$before" >/dev/null 2>&1 || true # a container still runs it
fi
say "built $image"
