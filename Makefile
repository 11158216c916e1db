# pgops: build, install and test.
#
#   make, make install         as usual with PGXS; PG_CONFIG=... chooses the server
#   make installcheck          every test against the installed extension, on
#                              servers of its own (not as root: initdb refuses)
#   make check                 installs what is missing, builds, runs every test
#                              without installing pgops into the system
#   make demo                  the same preparations, then the story of the README
#   make bench                 the benchmarks of test/bench; BENCH=inventory: one of them
#
# The version stands in pgops.control and nowhere else.

# ---- which server ------------------------------------------------------------
# The first pg_config that has its PGXS files: the one in PATH (on Debian it may
# be libpq's, which has none), else PostgreSQL 15, else the newest installed.
PG_CONFIG ?= $(firstword $(foreach c,$(shell command -v pg_config) \
	/usr/lib/postgresql/15/bin/pg_config \
	$(shell ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -rV), \
	$(if $(wildcard $(shell $(c) --pgxs 2>/dev/null)),$(c))))

# ---- goals that prepare the machine first and so cannot include PGXS -----------
SCRIPT_GOALS = check demo bench
ifneq (,$(filter $(SCRIPT_GOALS),$(MAKECMDGOALS)))

.PHONY: $(SCRIPT_GOALS)
export PG_CONFIG
# the scripts start their own make; it must not inherit flags like -n's or -j's pipes
unexport MAKEFLAGS MAKELEVEL MFLAGS

check:
	@test/run $(TESTS)

demo:
	@test/demo

bench:
	@test/bench/run

# "make clean check": the others in a make of their own
OTHER_GOALS = $(filter-out $(SCRIPT_GOALS),$(MAKECMDGOALS))
.PHONY: $(OTHER_GOALS)
$(OTHER_GOALS):
	@$(MAKE) $@
$(filter $(SCRIPT_GOALS),$(MAKECMDGOALS)): | $(OTHER_GOALS)

else

ifeq (,$(strip $(PG_CONFIG)))
$(error no pg_config with PGXS found: install the server's development package (Debian: postgresql-server-dev-15) or give PG_CONFIG=)
endif

# ---- what is built -------------------------------------------------------------
EXTENSION = pgops
MODULE_big = pgops
PGOPS_VERSION := $(shell sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" pgops.control)
# src/runner is a program of its own, which lies beside the library
RUNNER = src/runner/pgops-runner
RUNNER_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/runner/*.c)))
OBJS = $(patsubst %.c,%.o,$(sort $(filter-out src/runner/%,$(wildcard src/*.c src/*/*.c))))
OUR_HEADERS = $(wildcard src/*.h src/*/*.h)

# the script of the extension: its topics in the order of their numbers
SQL_PARTS = $(sort $(wildcard sql/extension/*.sql))
DATA_built = pgops--$(PGOPS_VERSION).sql
DATA = $(wildcard sql/upgrade/pgops--*--*.sql)

PG_CPPFLAGS = -I$(CURDIR)/src -DPGOPS_VERSION='"$(PGOPS_VERSION)"'
# The server's headers need the three -Wno.  Warnings stop only our own builds
# (make WERROR=1, as make check does): a compiler of next year may know more.
PG_CFLAGS = -Wall -Wextra -Wmissing-prototypes -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-sign-compare -MMD -MP
ifdef WERROR
PG_CFLAGS += -Werror
endif
# libpq of the same server; its headers come last, for their folder may hold
# those of another version's server, too
PG_CPPFLAGS += -idirafter $(libpq_srcdir)
SHLIB_LINK_INTERNAL = $(libpq)
SHLIB_LINK = -lyaml -ljansson -lcurl -Wl,--version-script=$(CURDIR)/src/exports.map

# ---- how it is tested ------------------------------------------------------------
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --temp-instance=build/regress --temp-config=contrib-configs/regress.conf
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --temp-instance=build/isolation \
	--temp-config=contrib-configs/regress.conf
ENCODING = UTF8
TAP_TESTS = 1
PROVE_TESTS = $(sort $(wildcard test/t/*.pl))
REGRESS_PREP = build-folder
EXTRA_CLEAN = $(DATA_built) $(OBJS:.o=.d) $(RUNNER) $(RUNNER_OBJS) $(RUNNER_OBJS:.o=.d) build log results test/results

# Without the clang that the server was built with there is no bitcode: pgops
# then works the same, its functions are just not inlined by the JIT.
PGXS := $(shell $(PG_CONFIG) --pgxs)
SERVER_CLANG := $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)
ifeq (,$(shell command -v $(or $(SERVER_CLANG),clang) 2>/dev/null))
override with_llvm = no
endif

include $(PGXS)

# both kinds of test use the database of contrib-configs/regress.conf
override ISOLATION_TESTDB = $(CONTRIB_TESTDB)

pgops--$(PGOPS_VERSION).sql: $(SQL_PARTS) pgops.control
	cat $(SQL_PARTS) > $@

# .o by the compiler's own list of headers, bitcode by the whole list
-include $(OBJS:.o=.d) $(RUNNER_OBJS:.o=.d)
$(OBJS:.o=.bc): $(OUR_HEADERS)
$(OBJS) $(RUNNER_OBJS): pgops.control Makefile
$(shlib): src/exports.map

all: $(RUNNER)
$(RUNNER): $(RUNNER_OBJS)
	$(CC) $(CFLAGS) $(RUNNER_OBJS) $(LDFLAGS) $(LDFLAGS_EX) -ljansson -o $@

.PHONY: install-runner uninstall-runner
install: install-runner
install-runner: $(RUNNER) installdirs
	$(INSTALL_PROGRAM) $(RUNNER) '$(DESTDIR)$(pkglibdir)/'
uninstall: uninstall-runner
uninstall-runner:
	rm -f '$(DESTDIR)$(pkglibdir)/$(notdir $(RUNNER))'

.PHONY: build-folder
build-folder:
	@mkdir -p build

endif
