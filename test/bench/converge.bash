# converge.bash: from a declaration to a server that is like it
#
# Sourced by test/bench/run, whose functions it uses.
#
#	apply		1,000 roles with 1,000 memberships and 100 databases with 5 schemas
#				each, from commit to converged, against the same statements by psql
#	nothing		a full pass with nothing to do, against the bare catalog queries
#	change		one changed role, from commit to converged, median of 21
#	memory		the coordinator's peak
#	idle		pgbench -S with pgops idle, against a server without it
#
# ROLES, DATABASES and SECONDS_PGBENCH change the size.
# Not for: documents in and out (inventory.bash).

roles=${ROLES:-1000}
databases=${DATABASES:-100}
pgbench_time=${SECONDS_PGBENCH:-10}

# the declaration, on standard output; argument: connection limit of the first role
declaration()
{
	awk -v roles="$roles" -v databases="$databases" -v limit="$1" 'BEGIN {
		print "bench:\n  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }"
		print "  vars:\n    pg_cluster: bench\n    pg_default_extensions: []\n    pg_users:"
		for (i = 1; i <= roles; i++)
			printf "      - { name: role_%d, connlimit: %d, roles: [%s] }\n", i, (i == 1 ? limit : 10),
				(i <= 10 ? "dbrole_readonly" : "role_" (i % 10 + 1))
		print "    pg_databases:"
		for (i = 1; i <= databases; i++)
			printf "      - { name: db_%d, owner: role_%d, schemas: [s1, s2, s3, s4, s5] }\n", i, i
	}'
}

# commit_to_converged NAME FILE: declares on that server, prints the ms from the
# commit until it is settled
commit_to_converged()
{
	psql_on "$1" -c '\timing on' -c 'BEGIN' \
		-c "SELECT count(*) FROM pgops.apply_cluster(pg_read_file('$2'))" \
		-c '\echo from here' -c 'COMMIT' \
		-c "SELECT phase FROM pgops.wait(timeout => '10 min')" |
		awk '/^from here/ { counting = 1 } counting && /^Time:/ { ms += $2 } END { printf "%.1f\n", ms }'
}

converge_apply()
{
	local round ms phase floor applied
	psql_on pgops -F $'\t' -c "SELECT coalesce(database, 'postgres'),
		translate(statement, E'\n\t', '  ') FROM pgops.apply_cluster(pg_read_file('$SANDBOX/10.yml'), dry_run => true)
		WHERE blocked IS NULL AND kind <> 'hba' ORDER BY step" |
		awk -F '\t' '$1 != last { print "\\connect " $1; last = $1 } { print $2 ";" }' >"$SANDBOX/statements.sql"
	chmod 644 "$SANDBOX/statements.sql"
	# The disk decides much of this, and a first run is slower than those after it:
	# servers take turns, each freshly made, the first pair is not counted, and the
	# median of the others is.
	for round in 0 $(seq "$rounds")
	do
		start "plain$round" || return 1
		sync
		ms=$(milliseconds psql_on "plain$round" -f "$SANDBOX/statements.sql") || return 1
		[ "$round" -eq 0 ] || echo "$ms" >>"$SANDBOX/floors"
		drop "plain$round"

		start_pgops "pgops$round" || return 1
		sync
		ms=$(commit_to_converged "pgops$round" "$SANDBOX/10.yml")
		phase=$(psql_on "pgops$round" -c 'SELECT phase FROM pgops.status')
		[ "$round" -eq 0 ] || echo "$ms" >>"$SANDBOX/applied"
		drop "pgops$round"
	done
	floor=$(median <"$SANDBOX/floors")
	applied=$(median <"$SANDBOX/applied")
	say "$(grep -cv '^\\' "$SANDBOX/statements.sql") statements by psql -f" "$floor ms ($(paste -sd ' ' "$SANDBOX/floors"))"
	say "the same by pgops, commit to $phase" "$applied ms ($(paste -sd ' ' "$SANDBOX/applied")) = $(ratio "$applied" "$floor") times"

	commit_to_converged pgops "$SANDBOX/10.yml" >/dev/null
}

converge_nothing()
{
	local database catalogs pass
	{
		echo "SELECT * FROM pg_authid; SELECT * FROM pg_auth_members; SELECT * FROM pg_db_role_setting;"
		echo "SELECT d.*, shobj_description(oid, 'pg_database') FROM pg_database d; SELECT * FROM pg_shdescription;"
		psql_on pgops -c "SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1" |
			while read -r database
			do
				printf '\\connect %s\nSELECT * FROM pg_namespace; SELECT * FROM pg_extension; SELECT * FROM pg_default_acl;\n' "$database"
			done
	} >"$SANDBOX/catalogs.sql"
	chmod 644 "$SANDBOX/catalogs.sql"
	catalogs=$(for _ in 1 2 3 4 5; do milliseconds psql_on pgops -f "$SANDBOX/catalogs.sql"; done | median)
	pass=$(for _ in 1 2 3 4 5
		do
			milliseconds psql_on pgops -c 'SELECT pgops.reconcile()' -c 'SELECT phase FROM pgops.wait()'
		done | median)
	say "catalog queries by psql, $databases databases" "$catalogs ms"
	say "a pass with nothing to do" "$pass ms = $(ratio "$pass" "$catalogs") times"
}

converge_change()
{
	local limit change
	change=$(for limit in $(seq 20 40); do commit_to_converged pgops "$SANDBOX/$limit.yml"; done | median)
	say "one changed role, commit to converged, median" "$change ms"
}

converge_memory()
{
	local pid
	pid=$(psql_on pgops -c 'SELECT pid FROM pgops.coordinator()')
	# without the shared buffers that it has touched
	say "peak memory of the coordinator" "$(awk '/^VmHWM/ { peak = $2 } /^RssShmem/ { shared = $2 }
		END { printf "%.0f MB of its own\n", (peak - shared) / 1024 }' "/proc/$pid/status")"
}

pgbench_on() { sandbox_do "$SANDBOX_BIN/pgbench" -h "$SANDBOX/socket-$1" -U postgres "${@:2}" bench 2>/dev/null; }

converge_idle()
{
	local name with without
	for name in pgops plain
	do
		psql_on "$name" -c 'CREATE DATABASE bench'
		pgbench_on "$name" -i -q -s 10 >/dev/null
	done
	for _ in 1 2 3
	do
		for name in pgops plain
		do
			pgbench_on "$name" -n -S -c 4 -T "$pgbench_time" | awk '/^tps/ { print $3 }' >>"$SANDBOX/tps-$name"
		done
	done
	with=$(median <"$SANDBOX/tps-pgops")
	without=$(median <"$SANDBOX/tps-plain")
	say "pgbench -S with pgops idle" "$with tps = $(ratio "$with" "$without") of $without"
}

bench_converge()
{
	local limit
	start_pgops pgops || return 1
	start plain || return 1
	for limit in 10 $(seq 20 40)
	do
		declaration "$limit" >"$SANDBOX/$limit.yml"
	done
	chmod 644 "$SANDBOX"/*.yml

	converge_apply && converge_nothing && converge_change && converge_memory && converge_idle || return 1
	drop pgops
	drop plain
}
