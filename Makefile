# The two commands of a newcomer are `make test` and `make demo`; both set everything up themselves.
.PHONY: help setup demo test test-windows check check-windows prove-windows lint gates format mutants disks prove bench bench-patch screenshots translations lock package prove-package prove-package-windows
.DEFAULT_GOAL := help

BIN := .venv/bin
under_wine = packaging/windows/build.sh .venv/windows && unshare -m $(BIN)/python packaging/windows/suite.py .venv/windows
timed = @started=$$(date +%s); $(1); code=$$?; echo "make $@: $$(( $$(date +%s) - started )) s"; exit $$code

WINDOWS_PART := $(addprefix tests/,\
    journeys/test_updates.py::test_an_update_makes_the_new_release_and_a_step_back_the_old_one[case-renames] \
    journeys/test_updates.py::test_a_changed_file_is_listed_and_put_back_and_strangers_stay \
    test_disk.py test_windows.py install/test_scan.py $(addprefix install/test_commit.py::test_, \
    an_update_changes_adds_moves_removes_and_swaps read_only_files_are_replaced_kept_and_dropped_like_any_others \
    of_two_names_that_differ_in_case_the_old_goes_first a_step_back_is_a_commit_of_what_previous_holds) \
    launcher/test_desktop.py launcher/test_pages.py::test_the_window_looks_as_it_did \
    publish/test_release.py::test_the_same_folders_make_the_same_bytes_on_every_system)

help:           ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:          ## .venv from the hashed locks, and the few system packages
	@packaging/setup.sh

demo: setup     ## a feed, an origin, two peers, an update; with REAL=1 a real game engine, with WINDOWS=1 in Windows' Python
	$(call timed,$(if $(WINDOWS),packaging/windows/build.sh .venv/windows && env -u DISPLAY .venv/windows/wpython,$(BIN)/python) -m patcher.cli.demo)

test: setup     ## every test, the gates among them; a skipped test is a failure
	$(call timed,$(BIN)/python -m pytest -q -n 3)

test-windows: setup ## the suite in Windows' Python under Wine, one process a file (root, Debian 12); FILES="tests/…" for some, CONTINUE=1 where the last run ended
	$(call timed,$(under_wine) $(FILES) $(CONTINUE:%=--continue))

check: lint test check-windows ## what CI runs

check-windows: setup ## the part of the suite that matters most, in Windows' Python under Wine; left out where that cannot be had
	$(call timed,$(under_wine) $(WINDOWS_PART) || [ $$? = 75 ])

prove-windows: setup ## a Linux and a Windows player of one feed: bytes both ways, a patch, Play; a drive that goes, a full one, other accounts (root, Debian 12)
	$(call timed,packaging/windows/build.sh .venv/windows && $(BIN)/python -m tests.support.two_systems .venv/windows)

lint: setup     ## style, types, the import rule
	$(call timed,$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports --no-logo)

gates: setup    ## only the gates: sizes, doors, names, words; the large files are named at the end
	$(call timed,$(BIN)/python -m pytest -q tests/gates)

format: setup   ## put the code into shape
	@$(BIN)/ruff check --fix; $(BIN)/ruff format

screenshots: setup ## docs/screenshots anew: the launcher in ten states, in a window of its own (needs Xvfb)
	$(call timed,$(BIN)/python packaging/screenshots.py)

mutants: setup  ## the proof that a test guards each promise of trust: some 80 bugs, planted one by one, are found
	$(call timed,$(BIN)/python -m tests.support.planted)

disks: setup    ## a title's whole life on real disks, each in an image of its own: ext4, xfs, btrfs, FAT, exFAT, NTFS (as root; installs their tools; WITHOUT=NAME leaves out one that this machine cannot mount)
	@packaging/setup.sh disks
	$(call timed,$(BIN)/python -m tests.support.disks $(WITHOUT:%=--without %))

prove: setup    ## the slow proofs: players behind routers, small release days, half of a swarm that lies, a standard client, every pair of kills, thousands of power cuts, whole jobs at every step, in every trap, a launcher's own update at every step, a big install that is killed, a big patch and repair, trees there and back, every damage to a file of ours, mutants of documents, planted bugs, 200 documents that are made to cost much, a disassembler, pairs of real libraries (downloads 1 GB), uploads killed at 50 points
	@packaging/setup.sh prove
	$(call timed,$(BIN)/python -m tests.support.crash --every-pair && \
	    $(BIN)/python -m tests.support.crash --ignore-case && \
	    $(BIN)/python -m tests.support.crash --ignore-case --windows-like && \
	    $(BIN)/python -m tests.support.power_cut --states 5000 --seed 1 && \
	    $(BIN)/python -m tests.support.power_cut --states 5000 --windows-like && \
	    $(BIN)/python -m tests.support.job_faults --shares 2 && \
	    $(BIN)/python -m tests.support.launchers && \
	    $(BIN)/python -m tests.support.job_power && \
	    $(BIN)/python -m tests.support.job_traps --every 7 && \
	    $(BIN)/python -m tests.support.big_install && \
	    $(BIN)/python -m tests.support.big_patch && \
	    $(BIN)/python -m tests.support.big_repair && \
	    $(BIN)/python -m tests.support.round_trips && \
	    $(BIN)/python -m tests.support.damage && \
	    $(BIN)/python -m tests.support.mutants && \
	    $(BIN)/python -m tests.support.planted && \
	    $(BIN)/python -m tests.support.bombs && \
	    $(BIN)/python -m tests.support.native_mutants && \
	    $(BIN)/python -m tests.support.disassembler && \
	    $(BIN)/python -m tests.support.native_pairs && \
	    $(BIN)/python -m tests.support.homes && \
	    $(BIN)/python -m tests.support.poison && \
	    $(BIN)/python -m tests.support.standard_client && \
	    $(BIN)/python -m tests.support.swarms && \
	    SHOAL_KILLS=50 $(BIN)/python -m pytest -q tests/publish/upload/test_objects.py)

bench: setup    ## the numbers we publish, one file each; names those that are beyond a limit of theirs at the end
	$(call timed,beyond=; for file in bench/[!_]*.py; do case $$file in (*/patch_*) continue; esac; \
	    echo "$$file"; $(BIN)/python -m bench.$$(basename "$$file" .py) || beyond="$$beyond $$file"; done; \
	    [ -z "$$beyond" ] || { echo "beyond a limit:$$beyond"; false; })

bench-patch: setup ## patches beside other tools on real releases; downloads 1 GB, takes an hour
	$(call timed,$(BIN)/python -m bench.patch_size && $(BIN)/python -m bench.patch_cost && \
	    $(BIN)/python -m bench.patch_rebuild && $(BIN)/python -m bench.apply --pair pyside6)

package:        ## the frozen tree, .deb, wheel, sdist, licences, checksums, as root also the installer for Windows; the same bytes each time (Debian 12)
	$(call timed,packaging/package.sh)

prove-package:  ## the packages of `make package` as players have them: a bare Debian 12 installs, plays and removes; pip installs offline (root)
	$(call timed,packaging/prove.sh)

prove-package-windows: setup ## the installer for Windows as players have it, under Wine: it installs, plays, updates itself, flips back, is removed; from its file to Play by clicks in the window (root, Debian 12)
	@packaging/setup.sh screen
	$(call timed,packaging/windows/build.sh .venv/windows && \
	    $(BIN)/python -m tests.support.windows_package .venv/windows build/frozen-windows dist/*-Setup.exe && \
	    $(BIN)/python -m tests.support.windows_clicks .venv/windows build/frozen-windows)

translations: setup ## assets/i18n follows the texts of the launcher; fill in what is new in the .ts files, then run it again
	@for name in de en; do \
	    $(BIN)/pyside6-lupdate -no-obsolete -locations none -source-language en -target-language $$name \
	        $$([ $$name = en ] && echo -pluralonly) $$(git ls-files 'launcher/*.py') -ts assets/i18n/shoal_$$name.ts && \
	    $(BIN)/pyside6-lrelease -silent assets/i18n/shoal_$$name.ts -qm assets/i18n/shoal_$$name.qm || exit 1; done

lock: setup     ## packaging/requirements/*.txt anew
	@$(BIN)/python -m venv .venv/lock && .venv/lock/bin/python -m pip install --quiet pip-tools
	@cd packaging/requirements && for name in runtime dask redis rehearse token upload package dev; do \
	    PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= ../../.venv/lock/bin/pip-compile --quiet --upgrade --allow-unsafe --strip-extras \
	        --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --output-file $$name.txt $$name.in || exit 1; done
