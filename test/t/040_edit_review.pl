# Odd uses of what the writable views are made of: an error, never a crash, and
# nothing left behind in the session.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
declare($node, small_document(pg_users => [ { name => 'u1' }, { name => 'u2' } ]));

sub apply
{
	my ($text) = @_;
	return 'SELECT count(*) FROM pgops.apply_cluster(' . literal($text) . ')';
}

# the trigger functions on tables and views of other people
my @odd = (
	[ 'rows of a table', 'BEFORE INSERT ON other FOR EACH ROW', q{edit_row('users')} ],
	[ 'a view of no kind', 'INSTEAD OF INSERT ON other_view FOR EACH ROW', q{edit_row('other_view')} ],
	[ 'no argument', 'INSTEAD OF INSERT ON other_view FOR EACH ROW', 'edit_row()' ],
	[ 'the end of a transaction, by statement', 'BEFORE INSERT ON other FOR EACH STATEMENT', 'edit_complete()' ],
	[ 'the end of a transaction, by row', 'BEFORE INSERT ON other FOR EACH ROW', 'edit_complete()' ],
);
$node->safe_psql('postgres', 'CREATE TABLE other (a int); CREATE VIEW other_view AS SELECT a FROM other');
for my $case (@odd)
{
	my ($what, $when, $function) = @$case;
	my ($target) = $when =~ /ON (\w+)/;
	my ($code, $out, $err) = $node->psql('postgres', <<~"SQL", on_error_stop => 1);
		\\set VERBOSITY verbose
		BEGIN;
		INSERT INTO pgops.clusters (name) VALUES ('unfinished');
		CREATE TRIGGER odd $when EXECUTE FUNCTION pgops.$function;
		INSERT INTO $target VALUES (1);
		SQL
	like($err, qr/ERROR:  39P01: trigger "odd" is not one of pgops' own/, "$what: refused");
}

# a statement that fails half-way leaves nothing to the next one
is($node->safe_psql('postgres', <<~'SQL'), "u1|\nu2|8", 'rows of a failed statement are forgotten');
	BEGIN;
	SAVEPOINT before;
	\set ON_ERROR_STOP 0
	UPDATE pgops.users SET connlimit = 7 / (ordinal - 2) WHERE parameter = 'pg_users';
	\set ON_ERROR_STOP 1
	ROLLBACK TO before;
	UPDATE pgops.users SET connlimit = 8 WHERE name = 'u2';
	COMMIT;
	SELECT name, connlimit FROM pgops.users WHERE parameter = 'pg_users' ORDER BY 1;
	SQL

# lines of rules have no names: a mask must not get another line's secret
my $line = 'host all all 10.0.0.%d/32 radius radiusservers=127.0.0.1 radiussecrets=word%d';
$node->safe_psql('postgres', sprintf(<<~'SQL', map { sprintf $line, $_, $_ } 1 .. 3));
	INSERT INTO pgops.hba_rules (cluster, title, rules) VALUES ('small', 'one', '["%s"]'), ('small', 'two', '["%s", "%s"]')
	SQL
my $secrets = q{SELECT string_agg(path || ' ' || right(value, 5), ', ' ORDER BY path) FROM pgops.secret WHERE name = 'pg_hba_rules'};
is(value($node, $secrets), '[0].rules[0] word1, [1].rules[0] word2, [1].rules[1] word3', 'secrets of rules');
my $document = value($node, q{SELECT pgops.cluster_spec('small')});
my %changed = (
	'a line is taken out' => q{UPDATE pgops.hba_rules SET rules = rules - 0 WHERE title = 'two'},
	'a rule is taken out' => apply($document =~ s/^ *- \{ title: one, .*\n//mr),
	'rules change places' => apply($document =~ s/^( *- \{ title: one, .*\n)( *- \{ title: two, .*\n)/$2$1/mr));
for my $what (sort keys %changed)
{
	my ($code, $out, $err) = $node->psql('postgres', $changed{$what});
	like($err, qr/which of the stored secrets "\*{8}" stands for is not clear/, "$what: refused");
}
$node->safe_psql('postgres', q{UPDATE pgops.hba_rules SET rules = rules || '["host all all 10.0.0.9/32 reject"]' WHERE title = 'two'});
$node->safe_psql('postgres', apply($document =~ s/title: one, rules: \[ '\*+'/title: first, rules: [ '@{[ sprintf $line, 1, 4 ]}'/r));
is(value($node, $secrets), '[0].rules[0] word4, [1].rules[0] word2, [1].rules[1] word3', 'what stays in its place is known');
$node->safe_psql('postgres', q{DELETE FROM pgops.hba_rules WHERE title = 'first'});
is(value($node, $secrets), '[0].rules[0] word2, [0].rules[1] word3', 'a row takes its secret along');

# what a role was granted on a view does not make it a declarer
$node->safe_psql('postgres', <<~'SQL');
	CREATE ROLE clerk;
	GRANT USAGE ON SCHEMA pgops TO clerk;
	GRANT SELECT, INSERT, UPDATE, DELETE ON pgops.users TO clerk;
	SQL
for my $statement (
	q{INSERT INTO pgops.users (cluster, name, superuser) VALUES ('small', 'mine', true)},
	q{UPDATE pgops.users SET superuser = true WHERE name = 'u1'},
	q{DELETE FROM pgops.users WHERE name = 'u1'})
{
	my ($code, $out, $err) = $node->psql('postgres', "SET ROLE clerk; $statement");
	like($err, qr/ERROR:  permission denied/, 'refused to a role with rights on the view alone: ' . (split ' ', $statement)[0]);
}
is(value($node, q{SELECT count(*) FROM pgops.users WHERE parameter = 'pg_users' AND superuser}), 0, 'and nothing came of it');

done_testing();
