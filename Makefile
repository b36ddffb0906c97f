# SPDX-License-Identifier: ISC
.POSIX:

# fdpass: commands that hand open descriptors from process to process.
#
#   make                 the commands, in bin/, and the library, in lib/
#   make static          the commands linked statically, in static/
#   make bash            recvfd, a builtin of bash; needs bash's headers
#   make test            the tests of what is promised; TESTS=FILES: only these
#   make test-all        all tests, with real programs and hostile ones as peers
#   make test-faults     the long trials of tests/faults
#   make fuzz            fuzz what foreign bytes reach, for a minute
#   make bench           rates compared with other tools
#   make check           linters and analyzers
#   make demo            the server-worker system, shown on one screen
#   make demo-full       every system call of that, and measurements
#   make install         DESTDIR and PREFIX as usual; CMDDIR for the commands,
#                        where others have an fdsend on PATH: fdpass finds them
#   make dist            a tar file of what is committed
#
# Set CC, CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS on the command line; the flags
# that the sources need are added to them. After a change of flags, run make
# clean.
#
# To add a command or a source file, add its name to one of the lists below.
# Headers, manual pages and the programs of the tests are found by their names.

VERSION = 0.1.0
DIST = fdpass-$(VERSION)

# The commands; each is built from cmd/NAME.c and the archive.
CMD = \
	fdlisten \
	fdpeek \
	fdsend \
	fdrecv \
	fdecho \
	fdpipe \
	fdconnect \
	fdinfo

# Commands that are shell scripts, cmd/NAME, which find the others.
SCRIPT = \
	fdpass \
	fdstep

# What the commands are made of. A file that only one command uses is called
# cmd/NAME-*.c. All are in one archive; a command gets what it refers to.
LIB_OBJ = \
	cmd/fdconnect-connect.o \
	cmd/fdconnect-copy.o \
	cmd/fdconnect-part.o \
	cmd/fdconnect-show.o \
	cmd/fdecho-connections.o \
	cmd/fdecho-serve.o \
	cmd/fdinfo-process.o \
	cmd/fdlisten-accept.o \
	cmd/fdlisten-listen.o \
	cmd/fdlisten-loops.o \
	cmd/fdlisten-output.o \
	cmd/fdpeek-protocol.o \
	cmd/fdrecv-fetch.o \
	cmd/fdrecv-inbox.o \
	cmd/fdrecv-landing.o \
	cmd/fdrecv-payload.o \
	cmd/fdrecv-pool.o \
	cmd/fdrecv-show.o \
	cmd/fdsend-payload.o \
	cmd/fdsend-relay.o \
	cmd/fdsend-verdict.o \
	lib/address.o \
	lib/calls.o \
	lib/command.o \
	lib/descriptors.o \
	lib/environ.o \
	lib/failure.o \
	lib/info.o \
	lib/loop.o \
	lib/options.o \
	lib/receive.o \
	lib/say.o \
	lib/stream.o \
	lib/sys.o \
	lib/wait.o

# The public library, libfdpass: these, and what they need of the archive.
FDPASS_H = lib/fdpass.h
FDPASS_OBJ = \
	lib/fdpass/handover.o \
	lib/fdpass/invite.o \
	lib/fdpass/message.o \
	lib/fdpass/name.o \
	lib/fdpass/receiver.o
SONAME = libfdpass.so.0

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
CMDDIR = $(BINDIR)
LIBDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR = $(PREFIX)/share/man
SHAREDIR = $(PREFIX)/share/fdpass
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
LOADABLESDIR = $$(pkg-config --variable=loadablesdir bash)

# If the commands are installed out of the way (CMDDIR), so are their manuals.
CMDMANDIR != dir='$(CMDDIR)'; case $$dir in '$(BINDIR)') echo '$(MANDIR)' ;; \
	*) echo "$${dir%/bin}/man" ;; esac

CC = cc
# D: without dates, so that the same sources give the same bytes.
ARFLAGS = rcsD
CPPFLAGS =
CFLAGS = -O2
LDFLAGS =
LDLIBS =
# The library lets threads of a program take turns. (In glibc since 2.34 and in
# musl it is empty, elsewhere it is not part of the libc.)
THREADS = -lpthread
OBJCOPY = objcopy
WARNINGS = -pedantic -Wall -Wextra -Wshadow -Wconversion
STATIC_CC = $$(command -v musl-gcc || echo $(CC))
# The static commands are started for each connection, so they touch few pages of
# memory: what is not used is left out, there is one part to read and one to
# write, and small variables lie side by side. (Nothing is relocated at run time,
# so relro would protect nothing.)
STATIC_CFLAGS = -ffunction-sections -fdata-sections
STATIC_LDFLAGS = -Wl,--gc-sections -Wl,-z,noseparate-code \
	-Wl,-z,norelro -Wl,--sort-section=alignment
# Those of them that the linker knows: gold, for one, does not know all.
STATIC_KNOWN = $$(for flag in $(STATIC_LDFLAGS); do \
	echo 'int main(void) { return 0; }' | \
		$(STATIC_CC) $(CFLAGS) -static $$flag $(LDFLAGS) -x c \
		-o static/try - >/dev/null 2>&1 && printf '%s ' "$$flag"; \
	done; rm -f static/try)

# The objects of the library are linked into one, and that into a shared
# library: so they are position independent, and not for optimization at link
# time.
PIC = -fPIC -fno-lto
# Resolve section groups in lib/libfdpass.o: a program's linker might otherwise
# keep the group of another object instead of ours.
WHOLE = -Wl,--force-group-allocation

COMPILE = -std=c99 $(WARNINGS) -Ilib -Ilib/fdpass $(CPPFLAGS) $(CFLAGS)

# The test files that make test runs; if empty, all tests of what is promised.
TESTS =

# The directory for the commands, and the suffix of their objects. The static
# build has its own, so that both builds can exist side by side.
B = bin
O = o

LIBFDPASS = lib/libfdpass.a lib/$(SONAME)
HDR != find cmd lib -name '*.h'
TOOL_SRC != find tests/tools -name '*.c'
BENCH_SRC != find tests/bench -name '*.c'

BIN = $(CMD:%=$B/%)
CMD_OBJ = $(CMD:%=cmd/%.$O)
ARCHIVE = lib/$B.a
ARCHIVE_OBJ = $(LIB_OBJ:.o=.$O) $(FDPASS_OBJ:.o=.$O)
TOOLS = $(TOOL_SRC:.c=)
BENCH = $(BENCH_SRC:.c=)
BASH_LO = cmd/bash/recvfd.lo cmd/bash/variables.lo cmd/bash/waiting.lo
# Names of one program, tests/tools/peer, which acts by its name.
PEER = bound client foreign knock paired

.SUFFIXES:
.SUFFIXES: .c .$O .lo

.PHONY: all commands static bash tools test-tools check test test-all \
	test-faults fuzz bench demo demo-full install uninstall dist clean

all: commands $(LIBFDPASS)

commands: $(BIN) $(SCRIPT:%=$B/%)

.c.$O:
	$(CC) $(COMPILE) $(PIC) -c -o $@ $<

# Objects of the loadable builtin of bash. (Bash's headers would cause warnings,
# so they are included as system headers.)
.c.lo:
	$(CC) $(COMPILE) $(PIC) -fvisibility=hidden \
		$$(pkg-config --cflags bash | sed 's/-I/-isystem /g') -c -o $@ $<

# Every object depends on every header: a build takes only seconds, and so no
# list of dependencies can be wrong.
$(CMD_OBJ) $(ARCHIVE_OBJ) $(BASH_LO): $(HDR) Makefile

$(ARCHIVE): $(ARCHIVE_OBJ)
	rm -f $@
	$(AR) $(ARFLAGS) $@ $(ARCHIVE_OBJ)

$(BIN): $(CMD_OBJ) $(ARCHIVE)
	@mkdir -p $B
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ cmd/$(@F).$O $(ARCHIVE) $(LDLIBS) \
		$(THREADS)

$(SCRIPT:%=$B/%): $(SCRIPT:%=cmd/%)
	@mkdir -p $B
	cp cmd/$(@F) $@
	chmod 755 $@

# -Wno-sign-conversion is for musl's macro CMSG_NXTHDR().
static:
	@cc="$(STATIC_CC)"; case $$cc in \
	*musl*) ;; \
	*) echo "make static: without musl, by $$cc and its libc" ;; \
	esac
	@mkdir -p static
	$(MAKE) B=static O=os CC="$(STATIC_CC)" PIC="$(STATIC_CFLAGS)" \
		WARNINGS="$(WARNINGS) -Wno-sign-conversion" \
		LDFLAGS="-static $(STATIC_KNOWN) $(LDFLAGS)" commands

# The library as one object, with no global names but fdpass_*.
lib/libfdpass.o: $(FDPASS_OBJ) $(ARCHIVE)
	$(CC) $(CFLAGS) -r -nostdlib $(WHOLE) -o $@.new $(FDPASS_OBJ) \
		$(ARCHIVE)
	@if command -v $(OBJCOPY) >/dev/null; then \
		$(OBJCOPY) --wildcard --keep-global-symbol='fdpass_*' $@.new; \
	else \
		echo "there is no objcopy: libfdpass has more names than its own"; \
	fi
	mv $@.new $@

lib/libfdpass.a: lib/libfdpass.o
	rm -f $@
	$(AR) $(ARFLAGS) $@ lib/libfdpass.o

lib/$(SONAME): lib/libfdpass.o
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -o $@ \
		lib/libfdpass.o $(LDLIBS) $(THREADS)

# (The library first, by this make, which may be building it for other targets.)
bash: lib/libfdpass.a
	@pkg-config --exists bash 2>/dev/null || { \
		echo "bash's headers are missing (Debian: bash-builtins," \
		"pkg-config)" >&2; exit 1; }
	$(MAKE) cmd/bash/fdpass

# Hide all names but the builtin's, for bash has functions with the same names.
cmd/bash/fdpass: $(BASH_LO) lib/libfdpass.a
	$(CC) $(CFLAGS) -shared $(LDFLAGS) -Wl,--exclude-libs,ALL -o $@ \
		$(BASH_LO) lib/libfdpass.a $(THREADS)

# The C programs of the tests: each is one file and needs only libc. A program
# that is running cannot be written to, so the new one is renamed into place.
.c:
	$(CC) $(COMPILE) $(LDFLAGS) -o $@.new $< $(LDLIBS) && mv $@.new $@

$(PEER:%=tests/tools/%): tests/tools/peer
	ln -sf peer $@

test-tools: $(TOOLS) $(PEER:%=tests/tools/%)

tools: test-tools $(BENCH)

check: all
	tests/check

# (What is not yet built is built on all processors.)
test:
	@case $$MAKEFLAGS in *-j*) jobs= ;; \
	*) jobs=-j$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) ;; \
	esac; $(MAKE) $$jobs all test-tools
	tests/run $(TESTS)

test-all: all tools
	tests/run tests

test-faults: all tools
	FDPASS_TRIALS=full tests/run tests/faults

fuzz:
	tests/fuzz/run

bench: all static tools
	tests/bench/run
	tests/bench/worlds
	tests/bench/routes
	tests/bench/shares

# (The build is silent, for the demo is to fit on a screen.)
demo:
	@test -x bin/fdlisten || echo 'It is built first; that takes some seconds.'
	@$(MAKE) -s commands
	@tests/demo/run

demo-full:
	@$(MAKE) -s commands tools
	@tests/demo/full

# write NAME DIRECTORY MODE: install standard input as a file.
# put FILE DIRECTORY MODE: install FILE.
PUT = umask 022; set -e; \
	write() { { test -d "$(DESTDIR)$$2" || mkdir -p "$(DESTDIR)$$2"; } && \
		rm -f "$(DESTDIR)$$2/$$1" && \
		cat >"$(DESTDIR)$$2/$$1" && chmod "$$3" "$(DESTDIR)$$2/$$1"; }; \
	put() { write "$${1\#\#*/}" "$$2" "$$3" <"$$1"; }

# manual PAGE: set $dir to the directory where PAGE is installed.
MANUAL = manual() { dir="$(MANDIR)"; for f in $(CMD); do \
		test man/$$f.1 != "$$1" || dir="$(CMDMANDIR)"; done; \
		dir=$$dir/man$${1\#\#*.}; }

# If the commands are installed out of the way, complete only the scripts.
install: all
	$(PUT); $(MANUAL); \
	for f in $(CMD); do put bin/$$f "$(CMDDIR)" 755; done; \
	for f in $(SCRIPT); do \
		sed 's,@CMDDIR@,$(CMDDIR),g' cmd/$$f | \
			write $$f "$(BINDIR)" 755; \
	done; \
	put $(FDPASS_H) "$(INCLUDEDIR)" 644; \
	put lib/libfdpass.a "$(LIBDIR)" 644; \
	put lib/$(SONAME) "$(LIBDIR)" 755; \
	for page in man/*.[1-9]; do \
		manual $$page; put $$page "$$dir" 644; \
	done; \
	for f in man/lessons/*; do put $$f "$(SHAREDIR)/lessons" 644; done
	$(PUT); \
	if test "$(CMDDIR)" = "$(BINDIR)"; then \
		put cmd/completion/_fdpass "$(ZSHDIR)" 644; \
		for f in $(SCRIPT) $(CMD); do \
			write $$f "$(BASHDIR)" 644 <cmd/completion/fdpass.bash; \
		done; \
	else \
		sed '1s/ fdlisten .*//' cmd/completion/_fdpass | \
			write _fdpass "$(ZSHDIR)" 644; \
		for f in $(SCRIPT); do \
			sed '/^complete .* fdlisten /d' \
				cmd/completion/fdpass.bash | \
				write $$f "$(BASHDIR)" 644; \
		done; \
	fi
	$(PUT); test ! -f cmd/bash/fdpass || \
		put cmd/bash/fdpass "$(LOADABLESDIR)" 644
	rm -f "$(DESTDIR)$(LIBDIR)/libfdpass.so"
	ln -s $(SONAME) "$(DESTDIR)$(LIBDIR)/libfdpass.so"
	$(PUT); printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' \
		'includedir=$(INCLUDEDIR)' '' 'Name: fdpass' \
		'Description: pass open descriptors between processes' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lfdpass' \
		'Libs.private: $(THREADS)' \
		'Cflags: -I$${includedir}' | \
		write fdpass.pc "$(LIBDIR)/pkgconfig" 644

uninstall:
	set -e; $(MANUAL); \
	for f in $(CMD); do \
		rm -f "$(DESTDIR)$(CMDDIR)/$$f"; \
		test "$(CMDDIR)" != "$(BINDIR)" || \
			rm -f "$(DESTDIR)$(BASHDIR)/$$f"; \
	done; \
	for f in $(SCRIPT); do \
		rm -f "$(DESTDIR)$(BINDIR)/$$f" "$(DESTDIR)$(BASHDIR)/$$f"; \
	done; \
	for page in man/*.[1-9]; do \
		manual $$page; rm -f "$(DESTDIR)$$dir/$${page#man/}"; \
	done; \
	for f in man/lessons/*; do \
		rm -f "$(DESTDIR)$(SHAREDIR)/lessons/$${f##*/}"; \
	done; \
	test ! -f cmd/bash/fdpass || rm -f "$(DESTDIR)$(LOADABLESDIR)/fdpass"
	rm -f "$(DESTDIR)$(ZSHDIR)/_fdpass" \
		"$(DESTDIR)$(INCLUDEDIR)/fdpass.h" \
		"$(DESTDIR)$(LIBDIR)/libfdpass.a" \
		"$(DESTDIR)$(LIBDIR)/libfdpass.so" \
		"$(DESTDIR)$(LIBDIR)/$(SONAME)" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"
	@dir="$(CMDDIR)"; set -- "$(SHAREDIR)/lessons" "$(SHAREDIR)"; \
	test "$$dir" = "$(BINDIR)" || set -- "$$@" "$(CMDMANDIR)/man1" \
		"$(CMDMANDIR)" "$$dir" "$${dir%/bin}"; \
	for dir; do rmdir "$(DESTDIR)$$dir" 2>/dev/null || :; done

# The committed files, byte for byte, whatever the configuration of git says;
# the tar file is the same each time.
dist:
	git -c core.autocrlf=false -c tar.umask=0022 archive \
		--prefix=$(DIST)/ -o $(DIST).tar HEAD
	gzip -9nf $(DIST).tar

clean:
	rm -f cmd/*.o cmd/*.os lib/*.o lib/*.os lib/fdpass/*.o lib/fdpass/*.os \
		lib/*.a lib/libfdpass.* lib/*.new cmd/bash/*.lo cmd/bash/fdpass \
		$(TOOLS) $(BENCH) $(PEER:%=tests/tools/%) \
		$(DIST).tar $(DIST).tar.gz
	rm -rf bin static
