# The front door. `make run` and `make test` do the entire set-up on a fresh Debian 12.
JOBS ?= $(shell nproc)
PRESET ?= release
export CMAKE_BUILD_PARALLEL_LEVEL = $(JOBS)

.PHONY: help run test build images bench format lint clean asan tsan fuzz
help:
	@echo "make run     build everything and start the suite on this machine"
	@echo "make test    build everything and run every test"
	@echo "make build   executables into build/bin/"
	@echo "make images  container images of all components, with podman, buildah or docker"
	@echo "make bench   benchmarks, side by side with Debian's prometheus"
	@echo "make asan    tests under AddressSanitizer and UBSan    make tsan   under ThreadSanitizer"
	@echo "make fuzz    every fuzz target for FUZZ_SECONDS (default 60) each"
	@echo "make format  clang-format"
	@echo "make lint    its check, clang-tidy over what differs from main; LINT=all: over everything"
	@echo "make clean   takes the build folder away"

build:
	tools/deps.sh build
	cmake --preset $(PRESET) -DNARTHEX_TESTS=OFF
	cmake --build --preset $(PRESET)

images: build
	tools/images.sh

run: build
	exec tools/demo/run.sh

test:
	tools/deps.sh test
	cmake --preset $(PRESET) -DNARTHEX_TESTS=ON
	cmake --build --preset $(PRESET)
	ctest --preset $(PRESET) --no-tests=error -j $(JOBS)

asan tsan:
	tools/deps.sh test
	cmake --preset $@ -DNARTHEX_TESTS=ON
	cmake --build --preset $@
	ctest --preset $@ --no-tests=error -j $(JOBS)

fuzz:
	tools/deps.sh dev
	cmake --preset fuzz
	cmake --build --preset fuzz
	tools/fuzz.sh build/fuzz/fuzz $${FUZZ_SECONDS:-60}

bench:
	tools/deps.sh dev
	cmake --preset release -DNARTHEX_BENCH=ON
	cmake --build --preset release
	bench/run.sh

format:
	git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

lint:
	tools/deps.sh dev
	JOBS=$(JOBS) tools/lint.sh $(LINT)

clean:
	rm -rf build
