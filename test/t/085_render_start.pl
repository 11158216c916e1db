# A cluster of three members starts from files that pgops.render() made on a server
# elsewhere: a leader, a replica that follows it, and an offline one that follows the
# replica.  pgops comes up inside of each and is given the same declaration, which the
# leader makes true.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

patroni_or_skip();

my $json = JSON::PP->new->canonical->utf8;
# (a blank at its end would be lost by Patroni itself)
my $password = q{Repli'ca "tor": #1 \\ $x %s};
my %text;

my $ha = patroni_cluster('main', start => 0, extension => 0, password => q{rest: "api" #'},
	yml => sub { return $text{ $_[0]->name } });
my $user = getpwuid $<;
my %sandbox = $ha->node(1)->sandbox_parameters;

# ---- what is declared ------------------------------------------------------------

my %hosts = map {
	(
		$_->address => {
			pg_seq => $_->number,
			pg_role => (qw(primary replica offline))[ $_->number - 1 ],
			pg_data => $_->data_dir,
			pg_localhost => $_->host,
			pg_dbsu_home => $_->basedir,
			patroni_log_dir => $_->patroni_log =~ s/\/[^\/]*$//r
		})
} $ha->nodes;
$hosts{ $ha->node(3)->address }{pg_upstream} = $ha->node(2)->address;

my $inventory = {
	all => {
		children => {
			etcd => { hosts => { '10.10.10.10' => { etcd_seq => 1 } }, vars => { etcd_cluster => 'etcd' } },
			'pg-test' => {
				hosts => \%hosts,
				vars => {
					pg_cluster => 'pg-test', pg_dbsu => $user, patroni_username => 'patroni', patroni_password => $ha->{password},
					pg_replication_password => $password, pg_default_extensions => [],
					pgops_dcs => { ttl => 5, loop_wait => 1, retry_timeout => 2 },
					pg_parameters => {
						%sandbox, fsync => 'off', wal_retrieve_retry_interval => '500ms', logging_collector => 'off',
						log_destination => 'stderr', log_min_messages => 'warning', 'pgops.manage_backup' => 'off'
					},
					pg_users => [ { name => 'app', password => 'App.Secret' } ],
					pg_databases => [ { name => 'app', owner => 'app' } ],
					pg_hba_rules => [
						{ title => 'here', user => 'all', db => 'all', addr => '10.10.10.1/32', auth => 'pwd' },
						{ title => 'offline', user => 'app', db => 'app', addr => '10.99.0.0/16', auth => 'pwd', role => 'offline' }
					]
				}
			}
		},
		vars => { admin_ip => '10.10.10.1' }
	}
};
my $declaration = 'SELECT count(*) FROM pgops.apply_inventory(' . literal($json->encode($inventory)) . ')';

# ---- rendered elsewhere --------------------------------------------------------------

my $elsewhere = idle_node('elsewhere');
$elsewhere->safe_psql('postgres', $declaration);
my $given = 'passwords => ' . literal($json->encode({ replicator => $password }));
for my $node ($ha->nodes)
{
	$text{ $node->name } = $elsewhere->safe_psql('postgres', 'SELECT pgops.render('
		  . literal($node->name) . ", $given, cpu => 1, mem_mb => 512, disk_bytes => 10737418240)");
}
$elsewhere->stop;

# ---- what came of it -------------------------------------------------------------------

$ha->start;
my ($leader, $replica, $offline) = $ha->nodes;
is($ha->leader->name, 'pg-test-1', 'the first one leads');

# a cascade may take a while to begin with the leader
wait_until(sub { value($replica, q{SELECT string_agg(application_name, ' ') FROM pg_stat_replication}) eq 'pg-test-3' });
is(value($replica, q{SELECT string_agg(application_name, ' ') FROM pg_stat_replication}), 'pg-test-3', 'the third one follows the second');
is(value($leader, q{SELECT string_agg(application_name, ' ') FROM pg_stat_replication}), 'pg-test-2', '... which follows the leader');

my $members = $ha->members;
is_deeply($members->{'pg-test-3'}{tags} && { map { $_ => $members->{'pg-test-3'}{tags}{$_} } qw(nofailover nosync replicatefrom conf spec) },
	{ nofailover => JSON::PP::true, nosync => JSON::PP::true, replicatefrom => 'pg-test-2', conf => 'oltp.yml', spec => '1C.1G.10G' }, 'tags');
is_deeply([ map { value($_, 'SHOW shared_preload_libraries') } $ha->nodes ], [ ('pg_stat_statements, auto_explain, pgops') x 3 ], 'pgops is preloaded');
is_deeply([ map { value($_, 'SHOW shared_buffers') } $ha->nodes ], [ ('128MB') x 3 ], 'parameters of the template');
is(value($leader, q{SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'replicator'}), 't', 'the replication role has a password');
is((split /\n/, slurp_file($leader->data_dir . '/pg_hba.conf') =~ s/^(#.*)?\n//mgr)[0] =~ s/ +/ /gr, 'local all all peer', 'nobody is trusted');
ok(!-e "$_->{_basedir}/pgpass" && (stat $_->basedir . '/.pgpass.' . $_->name)[2] & 0400, $_->name . ' has a password file of its own') for $replica, $offline;

# a new member is bound without a setting
$leader->safe_psql('postgres', 'CREATE EXTENSION pgops');
$leader->safe_psql('postgres', $declaration);
my $status = settle($leader);
is($status->{phase}, 'converged', 'the declaration comes true') or diag(explain($status));
is(value($leader, 'SELECT count(*) FROM pg_database WHERE datname = \'app\''), 1, '... its database is there');
is((run_command([ 'psql', '-XAtc', 'SELECT current_user', "host=10.10.10.11 user=app password=App.Secret dbname=app sslmode=disable" ]))[0], 'app', '... its role logs in');
ok(wait_until(sub { slurp_file($offline->data_dir . '/pg_hba.conf') =~ /^host +app +app +10\.99\.0\.0\/16/m }), 'the offline member has its own rule');
ok(wait_until(sub { slurp_file($replica->data_dir . '/pg_hba.conf') =~ /^#host +app +app +10\.99\.0\.0\/16/m }), '... which the other one has not');

# what is rendered by the new cluster itself is what it was started with
my $again = value($leader, "SELECT pgops.render(NULL, $given, cpu => 1, mem_mb => 512, disk_bytes => 10737418240)");
is($again, $text{'pg-test-1'}, 'the same file again');

done_testing();
