#!/usr/bin/env bash
# Every Debian package the project needs, and what for. Installs what is missing.
# usage: tools/deps.sh [build|test|dev]     (test includes build; dev includes both)
set -euo pipefail
set_name=${1:-build}

build_packages='
g++                   the compiler
cmake                 the build system
ninja-build           the build tool
make                  the front door
pkg-config            finds libraries without CMake packages
ccache                the compiler cache
lld                   the linker
libabsl-dev           status, hash containers
libfmt-dev            formatting
libboost1.81-dev      Asio: the network stack
libssl-dev            TLS, MD5 of hashmod
libcrypt-dev          bcrypt of basic auth
libc-ares-dev         DNS of service discovery
zlib1g-dev            gzip streams
libdeflate-dev        gzip of whole bodies
libzstd-dev           WAL compression
libsnappy-dev         remote write, pushes
libxxhash-dev         label hashes
libre2-dev            regular expressions in the syntax of Go
libyaml-cpp-dev       configuration
libsimdjson-dev       big JSON lists
rapidjson-dev         small JSON documents
libleveldb-dev        state of pushgateway and alertmanager
libprotobuf-dev       messages
protobuf-compiler     generates the messages
libprotozero-dev      protobuf on the hot path
libgrpc++-dev         RPC
protobuf-compiler-grpc  named by the CMake package of gRPC
libcpp-httplib-dev    the blocking client of tools and tests
tzdata                time zones
curl                  the demo waits and asks with it; in tests, a client that is not ours
'
# The front end is built with whatever Node.js >= 18 there is; Debian'"'"'s when there is none.
if ! command -v npm >/dev/null; then
  build_packages+='
nodejs                builds the web pages
npm                   fetches the front-end packages
'
fi
test_packages='
catch2                unit tests
openssl               test certificates
jq                    reads answers in scripts
chromium              the pages in a real browser
procps                ps, pkill
dnsmasq-base          the DNS server discovery is compared with
python3               the differential tests and those of the chart
python3-yaml          reads what helm renders
iproute2              network namespaces: the cluster the pods of the chart run in
podman                builds the images, runs the pods of the chart
runc                  the runtime of podman that works where crun does not
prometheus            the peer to compare with (and promtool)
prometheus-alertmanager  the peer to compare with
prometheus-pushgateway   the peer to compare with
prometheus-node-exporter the peer to compare with
'
dev_packages='
libbenchmark-dev      benchmarks
victoria-metrics      a peer of the benchmarks
clang-19              fuzzers and thread-safety analysis
libclang-rt-19-dev    sanitizer and fuzzer runtimes of clang
clang-tidy-19         make lint
clang-format-19       make format
'
case "$set_name" in
  build) wanted=$build_packages ;;
  test) wanted=$build_packages$test_packages ;;
  dev) wanted=$build_packages$test_packages$dev_packages ;;
  *) echo "usage: tools/deps.sh [build|test|dev]" >&2; exit 2 ;;
esac

missing=()
for package in $(echo "$wanted" | awk 'NF{print $1}'); do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = 'install ok installed' ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Missing Debian packages: ${missing[*]}" >&2
  echo "Install them as root:  sudo tools/deps.sh $set_name" >&2
  exit 1
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# The peers must not start as services; the tests start them themselves.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
