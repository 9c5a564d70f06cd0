#!/bin/sh
# Makes a small base image with Python from the Debian packages of this machine's own release: no
# registry, no root, nothing run from the packages. Prints the image's name on stdout.
# Usage: deployments/images/build_base_image.sh     (needs apt-get, dpkg-deb and docker)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${here%/deployments/images}/build/images
label=build.joulepilot.inputs # not "joulepilot.…": containers inherit it, and those are job labels

say() { echo "build_base_image: $*" >&2; }

for tool in apt-get apt-cache dpkg-deb docker; do
    command -v "$tool" >/dev/null || {
        say "asked for a base image from Debian packages; $tool is not here;" \
            "set BASE_IMAGE to an image with Python 3.11 or newer, such as python:3.11-slim"
        exit 1
    }
done

# python3-minimal depends on the release's own Python, such as python3.11-minimal.
release_python() {
    apt-cache depends python3-minimal 2>/dev/null | sed -n 's/.*Depends: \(python3\.[0-9]*\)-minimal$/\1/p'
}
interpreter=$(release_python)
if [ -z "$interpreter" ]; then
    apt-get update -qq >&2
    interpreter=$(release_python)
fi

image=joulepilot/base:$interpreter
digest=$(sha256sum "$0" | cut -d' ' -f1)
if [ "$(docker image inspect -f "{{index .Config.Labels \"$label\"}}" "$image" 2>/dev/null)" = "$digest" ]; then
    echo "$image"
    exit 0
fi

mkdir -p "$work"
scratch=$(mktemp -d "$work/base.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/archives/partial" "$scratch/root"
: >"$scratch/status" # as if nothing were installed: apt then names everything that is needed

fetch() {
    apt-get -qq -o Dir::State::status="$scratch/status" -o Dir::Cache::archives="$scratch/archives" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 \
        install --yes --download-only --no-install-recommends \
        "$interpreter-minimal" "lib$interpreter-stdlib" libstdc++6 busybox-static >&2
}
say "fetching $interpreter and what it needs from Debian"
fetch || {
    say "the package lists are missing or old: updating them"
    apt-get update -qq >&2
    fetch
}

root=$scratch/root
for package in "$scratch"/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/info"
mkdir -p "$root/bin" "$root/usr/bin" "$root/tmp" "$root/proc" "$root/sys" "$root/dev" "$root/etc"
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false' >"$root/etc/passwd"
echo 'root:x:0:
nogroup:x:65534:' >"$root/etc/group"
ln -sf "$interpreter" "$root/usr/bin/python3"

busybox=$(cd "$root" && find bin usr/bin -name busybox -type f | head -n 1)
for applet in $("$root/$busybox" --list); do
    [ -e "$root/bin/$applet" ] || [ -e "$root/usr/bin/$applet" ] ||
        ln -s "/$busybox" "$root/bin/$applet"
done

tar -C "$root" --owner=0 --group=0 --numeric-owner -c . |
    docker import --change "LABEL $label=$digest" \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV LANG=C.UTF-8' - "$image" >/dev/null
docker run --rm --network none "$image" python3 -c 'import bz2, ctypes, hashlib, lzma, sqlite3, ssl, zlib'
say "made $image"
echo "$image"
