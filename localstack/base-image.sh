#!/usr/bin/env bash
# Builds a substitute for Lambda's base image `provided.al2023` from Debian packages, under the name that the SAM CLI uses. Does
# nothing if the real image is present or can be pulled. Remove it with `docker rmi`.
# usage: localstack/base-image.sh      takes under a minute
#
# Debian 11 has glibc 2.31, older than the 2.34 of Amazon Linux 2023: a binary that starts here starts there.
set -euo pipefail
. "$(dirname "$0")/tools.sh"
need docker docker.io
suite=bullseye
case $(uname -m) in
  x86_64) image=public.ecr.aws/lambda/provided:al2023-x86_64 triplet=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
  aarch64) image=public.ecr.aws/lambda/provided:al2023-arm64 triplet=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
  *) echo "no Lambda architecture for this processor: $(uname -m)" >&2; exit 1 ;;
esac
docker image inspect "$image" >/dev/null 2>&1 && exit
docker pull --quiet "$image" 2>/dev/null && exit
need mmdebstrap mmdebstrap

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mmdebstrap --quiet --variant=extract --include=libc6,libgcc-s1,ca-certificates,busybox-static "$suite" "$work/debian.tar"
mkdir "$work/debian" "$work/image"
tar -C "$work/debian" -xf "$work/debian.tar"
cd "$work/image"
mkdir -p bin etc/ssl/certs etc/pki/tls/certs "lib/$triplet" lib64 tmp var/task var/runtime var/rapid opt proc sys dev root
chmod 1777 tmp

# The dynamic loader and the libraries of a Rust binary.
for library in "$loader" libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libgcc_s.so.1 libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
  cp -L "$work"/debian/{,usr/}lib/"$triplet/$library" "lib/$triplet/" 2>/dev/null || [ -e "lib/$triplet/$library" ]
done
ln -s "../lib/$triplet/$loader" "lib64/$loader"
[ -e "lib/$loader" ] || ln -s "$triplet/$loader" "lib/$loader"

# The shell and commands that start the runtime interface emulator.
cp "$work/debian/bin/busybox" bin/busybox
for command in sh mv chmod cat ls mkdir cp rm env; do ln -s busybox "bin/$command"; done

# Certificates at the paths of Amazon Linux 2023.
find "$work/debian/usr/share/ca-certificates" -name '*.crt' -print0 | sort -z | xargs -0 cat >etc/ssl/certs/ca-certificates.crt
ln -s /etc/ssl/certs/ca-certificates.crt etc/pki/tls/certs/ca-bundle.crt
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo 'hosts: files dns' >etc/nsswitch.conf

tar -C "$work/image" --owner=0 --group=0 --numeric-owner -c . | docker import \
  -c 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin' \
  -c 'ENV LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib' \
  -c 'ENV LAMBDA_TASK_ROOT=/var/task' -c 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
  -c 'ENV LANG=en_US.UTF-8' -c 'ENV TZ=:/etc/localtime' -c 'WORKDIR /var/task' - "$image"
