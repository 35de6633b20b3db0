# The front door: every target runs the set-up first, which does nothing where everything is there. `make help` lists them.
#
#   BUILD=build          build folder              JOBS=N           default: the number of cores
#   CUDA=auto            auto|compile|1|0, see tools/setup.sh       PRESET=asan      a preset of CMakePresets.json
#   LIBTORCH_ROOT=DIR    an installed torch 2.11   CMAKE_FLAGS='-DVEGA_WERROR=ON'    more options for CMake,
#                                              docs/building.md
PRESET ?=
BUILD  ?= $(if $(PRESET),build-$(PRESET),build)
JOBS   ?= $(shell nproc)
CUDA   ?= auto
PREFIX ?= /usr/local
LIBTORCH_ROOT ?=
CMAKE_FLAGS   ?=
BUNDLE_TESTS  ?=
export CUDA LIBTORCH_ROOT BUILD DESTDIR

cuda_auto    := -DVEGA_TRY_CUDA=ON -DVEGA_REQUIRE_CUDA=OFF
cuda_compile := -DVEGA_TRY_CUDA=ON -DVEGA_REQUIRE_CUDA=ON
cuda_1       := $(cuda_compile)
cuda_0       := -DVEGA_TRY_CUDA=OFF -DVEGA_REQUIRE_CUDA=OFF
bundle_1     := --tests
bundle_only  := --tests-only
image_1      := --cuda
# A preset says itself what it wants of CUDA.
options = $(if $(PRESET),--preset $(PRESET),-DCMAKE_BUILD_TYPE=Release -DVEGA_UNITY=ON $(cuda_$(CUDA))) \
  -DLIBTORCH_ROOT='$(or $(LIBTORCH_ROOT),$(CURDIR)/.deps/libtorch)' $(CMAKE_FLAGS)

build: configure ## compile the programs into $(BUILD)/bin
	@cmake --build '$(BUILD)' -j $(JOBS)

tests: configure ## compile the programs, all tests, benches and ladders
	@cmake --build '$(BUILD)' -j $(JOBS) --target all tests

score-only: ## vega-eval for answers, scores, tables and plots alone, without LibTorch, into build-score-only/bin
	@SCORE_ONLY=1 sh tools/setup.sh --quiet
	@mkdir -p build-score-only
	@cmake --preset score-only $(CMAKE_FLAGS) >build-score-only/configure.log 2>&1 || { cat build-score-only/configure.log >&2; exit 1; }
	@cmake --build --preset score-only -j $(JOBS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@sed -n '/^#   /s/^#//p' Makefile

setup: ## install what is missing: Debian packages, LibTorch under .deps/
	@sh tools/setup.sh --quiet

# CMake starts afresh when the options change (objects stay); ninja itself sees to changed CMake files.
configure: setup
	@mkdir -p '$(BUILD)'
	@printf '%s\n' "$(options)" | cmp -s - '$(BUILD)/options.txt' && [ -e '$(BUILD)/build.ninja' ] || { \
	  echo "configuring $(BUILD)" >&2; \
	  rm -rf '$(BUILD)/CMakeCache.txt' '$(BUILD)'/CMakeFiles/[0-9]*; \
	  cmake -S . -B '$(BUILD)' -G Ninja $(options) >'$(BUILD)/configure.log' 2>&1 || { cat '$(BUILD)/configure.log' >&2; exit 1; }; \
	  grep -- '^-- CUDA:' '$(BUILD)/configure.log' >&2; \
	  printf '%s\n' "$(options)" >'$(BUILD)/options.txt'; }

demo: build ## what a generator knows about made-up rooms, then the whole pipeline on them: pictures, scores, a report
	@tools/demo.sh

study: build ## six rows of features compared in made-up rooms, and VSI-Bench's questions: docs/recipes/study (half an hour on two fast cores, three quarters on slow ones)
	@docs/recipes/study/run.sh -o study --results docs/recipes/study/RESULTS.md
	@docs/recipes/study/vsi.sh -o study/vsi --results docs/recipes/study/VSI.md

test: tests ## all tests
	@cd '$(BUILD)' && ctest -j $(JOBS) --output-on-failure --output-junit tests.xml

soak: tests ## faults at every call, 200 kills: takes a while; log in $(BUILD)/soak.log
	@for t in faults kills train_resume; do echo "== $$t" && \
	  VEGA_SOAK=1 bash tests/e2e/$$t.sh '$(BUILD)/bin' '$(BUILD)/tests/fault' || exit 1; \
	done >'$(BUILD)/soak.log' 2>&1; status=$$?; cat '$(BUILD)/soak.log'; exit $$status

alone: ## compile each source of programs and tests by itself (docs/building.md), into build-alone
	@$(MAKE) --no-print-directory tests BUILD=build-alone CMAKE_FLAGS='$(CMAKE_FLAGS) -DVEGA_UNITY=OFF'

check: build ## format, layer law, headers compile alone, help equals docs/cli
	@status=0; for c in tools/check/*.sh; do "$$c" || status=1; done; exit $$status

format: setup ## clang-format everything in place
	@tools/check/format.sh --write

docs: build ## write docs/cli/*.md anew from --help
	@tools/check/help.sh --write

bench: tests ## speed of VAE and DiT (BENCH_ARGS= for more), token gate and correspondence on this machine
	@'$(BUILD)/bin/bench_wan' $(BENCH_ARGS)
	@'$(BUILD)/bin/bench_token_gate'
	@'$(BUILD)/bin/bench_correspondence'

gpu: tests ## everything that needs a GPU: CUDA tests, kernel ladders, benchmarks; logs and a table in $(BUILD)/gpu
	@tools/bundle/run_gpu.sh --build '$(BUILD)' '$(BUILD)/gpu'

device: tests ## the device code on the host in every order of warps (make test runs one of them)
	@for order in greedy rounds reverse; do echo "== $$order" && \
	  VEGA_DEVICE_ORDER=$$order ctest --test-dir '$(BUILD)' -L device -j $(JOBS) --output-on-failure || exit 1; done

device-asan: configure ## the device code on the host with the address and undefined-behaviour sanitizers
	@cmake --build '$(BUILD)' -j $(JOBS) --target tests vega_host_device_asan
	@tests/device/asan.sh '$(BUILD)'

interop: build ## files to and from Python: VEGA_PYTHON (or python3) with torch, numpy, safetensors, h5py
	@tests/interop/run.sh '$(BUILD)/bin' || { [ $$? = 77 ] && echo 'interop: skipped, see above'; }

fuzz: ## every fuzz target for FUZZ_SECONDS (600 each, 180 minutes in all), or FUZZ_TARGETS='png jpeg'; fetches clang
	@FUZZ=1 sh tools/setup.sh --quiet
	@mkdir -p build-fuzz
	@cmake --preset fuzz -DLIBTORCH_ROOT='$(or $(LIBTORCH_ROOT),$(CURDIR)/.deps/libtorch)' >build-fuzz/configure.log 2>&1 || { cat build-fuzz/configure.log >&2; exit 1; }
	@cmake --build --preset fuzz -j $(JOBS)
	@tests/fuzz/run.sh build-fuzz $(FUZZ_TARGETS)

install: build ## programs to PREFIX/bin, libraries to PREFIX/lib/vega; DESTDIR is honoured
	@cmake --install '$(BUILD)' --prefix '$(PREFIX)' >'$(BUILD)/install.log' || { cat '$(BUILD)/install.log' >&2; exit 1; }
	@echo "installed in $(DESTDIR)$(PREFIX)"

bundle: $(if $(BUNDLE_TESTS),tests,build) ## one relocatable tar for machines without root, docs/bundle.md; BUNDLE_TESTS=1|only: the CUDA tests
	@tools/bundle.sh $(bundle_$(BUNDLE_TESTS)) '$(BUILD)'

# The set-up fetches buildah, too.
image: export IMAGE := 1
image: build ## an OCI archive for Docker, Podman and Apptainer, docs/image.md; CUDA=1: with CUDA's run time
	@tools/image.sh $(image_$(CUDA)) '$(BUILD)'

clean: ## remove the build folder; .deps/ stays
	@rm -rf '$(BUILD)'

.PHONY: bundle image build tests score-only help setup configure demo study test soak alone check format docs bench gpu device device-asan interop fuzz install clean
