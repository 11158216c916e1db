# sandbox.bash: a place where pgops is built and run without touching the system
#
# Sourced by test/run, test/demo and test/bench/run.  sandbox_open makes a
# temporary folder that belongs to the user the servers run as, copies the
# sources there, builds them, and installs them below a staging folder.  A
# server that reads sandbox.conf finds pgops there:
#
#   Debian's servers 15 to 17	extension_destdir
#   18 and newer				extension_control_path
#
# Both need dynamic_library_path besides, by which shared_preload_libraries and
# the workers find the library.  A server with neither is given a real
# "make install", if we may.
#
# Not for: what is run there.

# servers refuse to run as root: then everything is done as this user
sandbox_user()
{
	if [ "$(id -u)" -eq 0 ]
	then
		echo postgres
	else
		id -un
	fi
}

# runs a command as that user, from the sandbox, with a clean environment
sandbox_do()
{
	local -a as=()
	[ "$(id -u)" -ne 0 ] || as=(runuser -u postgres --)
	(cd "$SANDBOX" && "${as[@]}" env -i HOME="$SANDBOX" LANG=C.UTF-8 TZ=UTC \
		PATH="$SANDBOX_BIN:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" \
		PGOPS_SANDBOX="$SANDBOX" TEMP_CONFIG="$SANDBOX/sandbox.conf" \
		PG_CONFIG="$PG_CONFIG" PGOPS_INVENTORIES="${PGOPS_INVENTORIES:-}" "$@" </dev/null)
}

# sandbox_open PURPOSE [MAKE ARGUMENT ...]: everything up to an installed library
sandbox_open()
{
	local purpose=$1
	shift

	PG_CONFIG=$(test/install-packages | tail -n 1) || return 1
	[ -n "$PG_CONFIG" ] || return 1
	SANDBOX_BIN=$("$PG_CONFIG" --bindir)

	# below /tmp whatever TMPDIR says: the path of a socket must stay short
	SANDBOX=$(mktemp -d "/tmp/pgops-$purpose.XXXXXX") || return 1
	export PG_CONFIG SANDBOX SANDBOX_BIN
	mkdir "$SANDBOX/pgops" "$SANDBOX/stage"
	sandbox_copy
	chmod 755 "$SANDBOX"
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$SANDBOX"

	sandbox_do make -s -C pgops -j"$(nproc)" "$@" all || return 1
	sandbox_stage
}

# the sources as they are now, without what earlier builds and tests left
sandbox_copy()
{
	tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude='*.d' --exclude='./pgops--*.sql' --exclude=./src/runner/pgops-runner --exclude=./build \
		--exclude=./results --exclude=./output_iso --exclude='./tmp_check*' \
		--exclude=./test/results . | tar -xf - -C "$SANDBOX/pgops"
}

# installs below $SANDBOX/stage and writes the settings by which a server finds it
sandbox_stage()
{
	local known lib share
	lib=$("$PG_CONFIG" --pkglibdir)
	share=$("$PG_CONFIG" --sharedir)
	known=$(sandbox_do "$SANDBOX_BIN/postgres" --describe-config | cut -f 1)

	if grep -qx extension_destdir <<<"$known"
	then
		echo "extension_destdir = '$SANDBOX/stage'"
	elif grep -qx extension_control_path <<<"$known"
	then
		echo "extension_control_path = '$SANDBOX/stage$share:\$system'"
	else
		echo "This server cannot load an extension from a staging folder; installing it." >&2
		make -s -C "$SANDBOX/pgops" install PG_CONFIG="$PG_CONFIG" >&2 || return 1
		: >"$SANDBOX/sandbox.conf"
		chmod 644 "$SANDBOX/sandbox.conf"
		return 0
	fi >"$SANDBOX/sandbox.conf"

	echo "dynamic_library_path = '$SANDBOX/stage$lib:\$libdir'" >>"$SANDBOX/sandbox.conf"
	chmod 644 "$SANDBOX/sandbox.conf"
	sandbox_do make -s -C pgops install DESTDIR="$SANDBOX/stage" >/dev/null
}

# removes the sandbox; PGOPS_KEEP=1 keeps it for a look
sandbox_close()
{
	[ -n "${SANDBOX:-}" ] && [ -d "$SANDBOX" ] || return 0
	if [ -n "${PGOPS_KEEP:-}" ]
	then
		echo "kept: $SANDBOX"
	else
		rm -rf -- "$SANDBOX"
	fi
}
