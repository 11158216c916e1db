# inventory.bash: what a large inventory costs, against ansible-inventory
#
# Sourced by test/bench/run, whose functions it uses.  bench_inventory makes an
# inventory of each of the sizes (CLUSTERS, with five hosts per cluster), and for
# each measures in turns:
#
#	load		apply_inventory() into an empty CMDB, commit included
#	distinct	the same where no two roles have one password: a verifier is
#				derived for each, slow by design
#	no-op		the same document again
#	dry run		into an empty CMDB
#	inventory()	in a session of its own, until psql has it; and by the script
#				that Ansible calls
#	UPDATE		of one database of one cluster through pgops.databases; its COMMIT
#	memory		the session's peak, without the shared buffers that it has touched
#	ansible		ansible-inventory --list on the same file: all of it; its start, with
#				an empty inventory; its reading the file, timed in the process; of
#				which the YAML library; memory
#
# Every number is the median of ROUNDS (of 21 for the UPDATE), the second number
# of each column the same per cluster: where they do not grow, it is linear.
# Not for: whether the answers are right (test/t/030, 031).

read -r -a inventory_sizes <<<"${CLUSTERS:-100 300 1000}"
updates=21

declare -A measured=()

# timed NAME STATEMENT ...: in one session; the ms of each statement, a line each
timed()
{
	local name=$1 statement
	local -a commands=()
	shift
	for statement in "$@"
	do
		commands+=(-c "$statement")
	done
	if ! psql_on "$name" -o /dev/null -c '\timing on' "${commands[@]}" 2>"$SANDBOX/messages"
	then
		grep -m 3 ERROR "$SANDBOX/messages" >&2
		return 1
	fi | awk '/^Time:/ { print $2 }'
}

# sum of the lines
sum() { awk '{ sum += $1 } END { printf "%.1f\n", sum }'; }

# note SIZE: the medians of what the rounds left in files size-SIZE.*, for the table
note()
{
	local size=$1 what file
	for file in "$SANDBOX/size-$size".*
	do
		[ -f "$file" ] || continue
		what=${file##*/size-"$size".}
		measured[$what,$size]=$(median <"$file")
		rm -- "$file"
	done
}

# a CMDB in which nothing was ever declared
empty_cmdb() { psql_on "$1" -c 'DROP EXTENSION pgops' -c 'CREATE EXTENSION pgops'; }

# In MB, of the session that asks.
own_memory="SELECT (peak[1]::int - coalesce(shared[1]::int, 0)) / 1024
	FROM pg_read_file('/proc/self/status') AS status,
	regexp_match(status, 'VmHWM:\s+(\d+)') AS peak, regexp_match(status, 'RssShmem:\s+(\d+)') AS shared"

# with_memory NAME STATEMENT: runs it, prints what the session needed at most
with_memory() { psql_on "$1" -c "$2" -c "$own_memory" 2>/dev/null | tail -n 1; }

# apply FILE ARGUMENTS: the statement
apply() { echo "SELECT count(*) FROM pgops.apply_inventory(pg_read_file('$1')${2:-})"; }

measure_load()
{
	local size=$1 round
	for ((round = 0; round < rounds; round++))
	do
		empty_cmdb cmdb || return 1
		timed cmdb "$(apply "$SANDBOX/distinct.yml")" | sum >>"$SANDBOX/size-$size.distinct"
		empty_cmdb cmdb || return 1
		timed cmdb "$(apply "$SANDBOX/inventory.yml" ', dry_run => true')" >>"$SANDBOX/size-$size.dry"
		timed cmdb "$(apply "$SANDBOX/inventory.yml")" >>"$SANDBOX/size-$size.load"
		timed cmdb "$(apply "$SANDBOX/inventory.yml")" >>"$SANDBOX/size-$size.noop"
	done
}

measure_documents()
{
	local size=$1 round
	for ((round = 0; round < rounds; round++))
	do
		timed cmdb 'SELECT pgops.inventory()' >>"$SANDBOX/size-$size.inventory"
		milliseconds sandbox_do env PGHOST="$SANDBOX/socket-cmdb" PGUSER=postgres \
			pgops/contrib-configs/ansible/pgops-inventory --list >>"$SANDBOX/size-$size.script"
	done
}

# The first one of a session fills its caches, and is told apart.
measure_update()
{
	local size=$1 i
	local -a statements=()
	for ((i = 0; i <= updates; i++))
	do
		statements+=('BEGIN' "UPDATE pgops.databases SET connlimit = $((100 + i))
			WHERE cluster = 'pg-$(printf '%04d' $((1 + i * (size - 1) / updates)))' AND name = 'app'" 'COMMIT')
	done
	timed cmdb "${statements[@]}" >"$SANDBOX/updates"
	awk 'NR == 2' "$SANDBOX/updates" >"$SANDBOX/size-$size.first"
	awk 'NR > 3 && NR % 3 == 2' "$SANDBOX/updates" >"$SANDBOX/size-$size.update"
	awk 'NR > 3 && NR % 3 == 0' "$SANDBOX/updates" >"$SANDBOX/size-$size.commit"
}

measure_memory()
{
	local size=$1
	with_memory cmdb 'SELECT length(pgops.inventory()::text)' >"$SANDBOX/size-$size.memory_inventory"
	empty_cmdb cmdb || return 1
	with_memory cmdb "$(apply "$SANDBOX/inventory.yml")" >"$SANDBOX/size-$size.memory_load"
}

# The parts are measured by the Python that Ansible runs with.
measure_ansible()
{
	local size=$1 round what value
	local -a python
	read -r -a python < <(sed -n '1s/^#! *//p' "$(command -v ansible-inventory)")
	for ((round = 0; round < rounds; round++))
	do
		while read -r what value
		do
			echo "$value" >>"$SANDBOX/size-$size.ansible_$what"
		done < <(sandbox_do "${python[@]:-python3}" pgops/test/bench/time_ansible.py "$SANDBOX/inventory.yml")
	done
}

# row LABEL WHAT [PART]: a line of the table; PART: per cluster, too
row()
{
	local label=$1 what=$2 each=${3:-} size value
	printf '%-38s' "$label"
	for size in "${inventory_sizes[@]}"
	do
		value=${measured[$what,$size]:-}
		if [ -z "$value" ]
		then
			printf '%18s' '-'
		elif [ -n "$each" ]
		then
			awk -v v="$value" -v n="$size" 'BEGIN { printf "%10.1f %7.3f", v, v / n }'
		else
			printf '%10s        ' "$value"
		fi
	done
	echo
}

# times LABEL SLOW FAST: how many times slower
times()
{
	local size
	printf '%-38s' "$1"
	for size in "${inventory_sizes[@]}"
	do
		printf '%10s        ' "$(ratio "${measured[$2,$size]:-0}" "${measured[$3,$size]:-0}")"
	done
	echo
}

inventory_table()
{
	row 'clusters' clusters
	row 'document, kB' document
	row 'load, ms' load each
	row '  with a password of its own for each' distinct each
	row 'no-op reload, ms' noop each
	row 'dry run into an empty CMDB, ms' dry each
	row 'inventory(), ms' inventory each
	row '  by pgops-inventory --list, ms' script each
	row 'UPDATE of one database, ms' update
	row '  the first of a session, ms' first
	row '  COMMIT, ms' commit
	row 'memory: load, MB' memory_load
	row 'memory: inventory(), MB' memory_inventory
	if [ -z "${measured[ansible_total,${inventory_sizes[0]}]:-}" ]
	then
		echo 'ansible-inventory is not installed: nothing to compare with'
		return
	fi
	row 'ansible-inventory --list, ms' ansible_total each
	row '  its start, ms' ansible_start
	row '  reading the file, ms' ansible_parse each
	row '    of which the YAML library, ms' ansible_yaml each
	row 'memory: ansible-inventory, MB' ansible_memory
	times 'its reading / load' ansible_parse load
	times 'all of it / load' ansible_total load
	times 'all of it / inventory()' ansible_total inventory
}

bench_inventory()
{
	local size
	start_pgops cmdb || return 1
	for size in "${inventory_sizes[@]}"
	do
		test/bench/make-inventory "$size" >"$SANDBOX/inventory.yml" || return 1
		test/bench/make-inventory --distinct "$size" >"$SANDBOX/distinct.yml" || return 1
		chmod 644 "$SANDBOX"/*.yml
		echo "$size" >"$SANDBOX/size-$size.clusters"
		echo "$(($(stat -c %s "$SANDBOX/inventory.yml") / 1000))" >"$SANDBOX/size-$size.document"
		measure_load "$size" && measure_documents "$size" && measure_update "$size" &&
			measure_memory "$size" || return 1
		! command -v ansible-inventory >/dev/null || measure_ansible "$size"
		note "$size"
	done
	inventory_table
	drop cmdb
}
