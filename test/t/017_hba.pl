# pg_hba.conf: what is declared is what the server loads, whatever names,
# addresses and comments hold; a file that the server's parser rejects is never
# installed; the superuser's local rule always comes first.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use Encode qw(encode_utf8);
use PostgreSQL::Test::Utils;
use Socket qw(inet_pton AF_INET AF_INET6);
use Test::More;

my $os_user = getpwuid($<);

# number of one bits of a netmask
sub mask_bits
{
	my ($mask) = @_;
	my $bytes = inet_pton($mask =~ /:/ ? AF_INET6 : AF_INET, $mask);
	return unpack('%32b*', $bytes);
}

# the rules as the server reads them from its file, one text each
sub loaded_rules
{
	my ($node) = @_;
	return map {
		my $address = $_->{address} // '';
		$address .= '/' . mask_bits($_->{netmask}) if defined $_->{netmask};
		join ' | ', $_->{type}, join(',', @{ $_->{database} }), join(',', @{ $_->{user_name} }),
		  $address, $_->{auth_method}
	} rows($node, 'SELECT * FROM pg_hba_file_rules ORDER BY line_number');
}

# lines that the server does not take; that SSL is off is no fault of a line
sub bad_rules
{
	my ($node) = @_;
	return rows($node, "SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL AND error !~ 'SSL is'");
}

sub hba_file { return $_[0]->data_dir . '/pg_hba.conf'; }
sub reloads { return log_matches($_[0], qr/received SIGHUP, reloading configuration files/); }

# a cluster of two; this server is the second, declared a replica though it is none
sub cluster
{
	my ($rules, $more) = @_;
	return encode_utf8(<<~SPEC . ($more // ''));
	hba:
	  hosts:
	    10.10.10.11: { pg_seq: 1, pg_role: primary }
	    10.10.10.12: { pg_seq: 2, pg_role: replica, pg_offline_query: true }
	  vars:
	    pg_cluster: hba
	    admin_ip: 10.10.10.10
	    node_firewall_intranet: [10.20.0.0/16, 192.168.7.0/24]
	    pg_default_extensions: []
	    pg_users:
	      - { name: walker, password: Hba.Walker.Secret }
	      - { name: stranger, password: Hba.Stranger.Secret }
	      - { name: outcast, password: Hba.Outcast.Secret }
	      - { name: friend }
	      - { name: 'we"ird \\ na''me, #1' }
	      - { name: 'Größe' }
	    pg_databases:
	      - { name: app }
	      - { name: 'north, "south" #2' }
	    pg_default_hba_rules: []
	    pg_hba_rules: $rules
	SPEC
}

# ---- every form of a rule, with what the server must make of it ----
my @cases = (
	# names
	[ '{ user: all, db: all, addr: 10.1.2.3, auth: pwd }', 'host | all | all | 10.1.2.3/32 | scram-sha-256' ],
	[ '{ addr: 10.1.2.4 }', 'host | all | all | 10.1.2.4/32 | scram-sha-256' ],
	[ '{ user: walker, db: app, addr: 10.1.0.0/16 }', 'host | app | walker | 10.1.0.0/16 | scram-sha-256' ],
	[ '{ user: "walker,stranger", db: "app, postgres", addr: 10.1.2.5 }', 'host | app,postgres | walker,stranger | 10.1.2.5/32 | scram-sha-256' ],
	[ '{ user: "walker , friend", db: app, addr: 10.1.2.6 }', 'host | app | walker,friend | 10.1.2.6/32 | scram-sha-256' ],
	[ '{ user: +dbrole_admin, db: replication, addr: 10.1.2.7 }', 'host | replication | +dbrole_admin | 10.1.2.7/32 | scram-sha-256' ],
	[ '{ user: "${dbsu}", db: sameuser, addr: 10.1.2.8 }', "host | sameuser | $os_user | 10.1.2.8/32 | scram-sha-256" ],
	[ '{ user: "${repl}", addr: 10.1.2.9 }', 'host | all | replicator | 10.1.2.9/32 | scram-sha-256' ],
	[ '{ user: "${monitor}", addr: 10.1.2.10 }', 'host | all | dbuser_monitor | 10.1.2.10/32 | scram-sha-256' ],
	[ '{ user: "${admin}", addr: 10.1.2.11 }', 'host | all | dbuser_dba | 10.1.2.11/32 | scram-sha-256' ],
	[ q({ user: 'we"ird \\ na''me, #1', db: 'north, "south" #2', addr: 10.1.2.12 }), q(host | north, "south" #2 | we"ird \\ na'me, #1 | 10.1.2.12/32 | scram-sha-256) ],
	[ q({ user: '"we""ird \\ na''me, #1",Größe', addr: 10.1.2.13 }), q(host | all | we"ird \\ na'me, #1,Größe | 10.1.2.13/32 | scram-sha-256) ],
	[ q({ user: '"all"', db: '"replication"', addr: 10.1.2.14 }), 'host | replication | all | 10.1.2.14/32 | scram-sha-256' ],
	[ q({ user: '"@walker"', addr: 10.1.2.15 }), 'host | all | @walker | 10.1.2.15/32 | scram-sha-256' ],
	# addresses
	[ '{ addr: local }', 'local | all | all |  | scram-sha-256' ],
	[ '{ addr: localhost }', map { "$_ | scram-sha-256" } 'local | all | all | ', 'host | all | all | 127.0.0.1/32', 'host | all | all | ::1/128' ],
	[ '{ addr: admin }', 'host | all | all | 10.10.10.10/32 | scram-sha-256' ],
	[ '{ addr: infra }', 'host | all | all | 10.10.10.10/32 | scram-sha-256' ],
	[ '{ addr: cluster }', map { "host | all | all | 10.10.10.$_/32 | scram-sha-256" } 11, 12 ],
	[ '{ addr: intra }', map { "host | all | all | $_ | scram-sha-256" } '10.20.0.0/16', '192.168.7.0/24' ],
	[ '{ addr: intranet }', map { "host | all | all | $_ | scram-sha-256" } '10.20.0.0/16', '192.168.7.0/24' ],
	[ '{ user: nobody, addr: world }', map { "host | all | nobody | $_ | scram-sha-256" } '0.0.0.0/0', '::/0' ],
	[ '{ user: nobody, addr: all }', map { "host | all | nobody | $_ | scram-sha-256" } '0.0.0.0/0', '::/0' ],
	[ '{ addr: "2001:db8::7" }', 'host | all | all | 2001:db8::7/128 | scram-sha-256' ],
	[ '{ addr: "2001:db8::/32" }', 'host | all | all | 2001:db8::/32 | scram-sha-256' ],
	[ '{ addr: "::ffff:10.0.0.1" }', 'host | all | all | ::ffff:10.0.0.1/128 | scram-sha-256' ],
	[ '{ addr: db-1.example.com }', 'host | all | all | db-1.example.com | scram-sha-256' ],
	[ '{ addr: .example.com }', 'host | all | all | .example.com | scram-sha-256' ],
	[ '{ addr: samenet }', 'host | all | all | samenet | scram-sha-256' ],
	# methods
	(map { [ "{ user: m_$_->[0], addr: 10.3.0.1, auth: $_->[0] }", "$_->[1] | all | m_$_->[0] | 10.3.0.1/32 | $_->[2]" ] }
		[ 'deny', 'host', 'reject' ], [ 'reject', 'host', 'reject' ], [ 'pwd', 'host', 'scram-sha-256' ],
		[ 'ssl', 'hostssl', 'scram-sha-256' ], [ 'sha', 'host', 'scram-sha-256' ],
		[ 'scram-sha-256', 'host', 'scram-sha-256' ], [ 'md5', 'host', 'md5' ], [ 'ssl-md5', 'hostssl', 'md5' ],
		[ 'ssl-sha', 'hostssl', 'scram-sha-256' ], [ 'cert', 'hostssl', 'cert' ], [ 'os', 'host', 'ident' ],
		[ 'ident', 'host', 'ident' ], [ 'trust', 'host', 'trust' ]),
	[ '{ user: s_os, addr: local, auth: os }', 'local | all | s_os |  | peer' ],
	[ '{ user: s_peer, addr: localhost, auth: peer }', 'local | all | s_peer |  | peer' ],
	[ '{ user: s_deny, addr: local, auth: deny }', 'local | all | s_deny |  | reject' ],
	# raw lines
	[ q({ rules: ['host app raw_one 10.4.0.0/16 md5', 'hostnossl all "raw two" 10.4.0.1 255.255.255.0 trust'] }),
		'host | app | raw_one | 10.4.0.0/16 | md5', 'hostnossl | all | raw two | 10.4.0.1/24 | trust' ],
	[ q({ rules: ['local all raw_map peer map=ops # why'] }), 'local | all | raw_map |  | peer' ],
	# roles: the server is a primary, whatever was declared of it
	[ '{ role: default, user: r_default, addr: 10.5.0.1 }', 'host | all | r_default | 10.5.0.1/32 | scram-sha-256' ],
	[ '{ role: common, user: r_common, addr: 10.5.0.1 }', 'host | all | r_common | 10.5.0.1/32 | scram-sha-256' ],
	[ '{ role: primary, user: r_primary, addr: 10.5.0.1 }', 'host | all | r_primary | 10.5.0.1/32 | scram-sha-256' ],
	[ '{ role: offline, user: r_offline, addr: 10.5.0.1 }', 'host | all | r_offline | 10.5.0.1/32 | scram-sha-256' ],
	[ '{ role: replica, user: r_replica, addr: 10.5.0.1 }' ],
	[ '{ role: standby, user: r_standby, addr: 10.5.0.1 }' ],
	[ '{ role: delayed, user: r_delayed, rules: ["host all raw_delayed 10.5.0.1/32 trust"] }' ],
	# comments
	[ q({ title: 'ends with a backslash \\', user: c_one, addr: 10.6.0.1 }), 'host | all | c_one | 10.6.0.1/32 | scram-sha-256' ],
	[ q({ title: 'with two \\\\ ', user: c_two, addr: 10.6.0.1 }), 'host | all | c_two | 10.6.0.1/32 | scram-sha-256' ],
	[ q({ title: "two\nhost all all 0.0.0.0/0 trust", user: c_lines, addr: 10.6.0.1 }), 'host | all | c_lines | 10.6.0.1/32 | scram-sha-256' ],
	[ q({ title: "return\rhost all all 0.0.0.0/0 trust\\\\", user: c_return, addr: 10.6.0.1 }), 'host | all | c_return | 10.6.0.1/32 | scram-sha-256' ],
	[ q({ title: Übersicht, user: c_utf8, addr: 10.6.0.1 }), 'host | all | c_utf8 | 10.6.0.1/32 | scram-sha-256' ],
	[ '{ user: last, addr: 10.6.0.1 }', 'host | all | last | 10.6.0.1/32 | scram-sha-256' ]);

my $node = pgops_node('main', conf => "pgops.instance = 'hba-2'\npgops.drift_interval = '1h'\n");
my $original = slurp_file(hba_file($node));
my $before = reloads($node);

converge($node, cluster('[' . join(",\n      ", map { $_->[0] } @cases) . ']'), 'converged', 'every form of a rule');
is_deeply([ bad_rules($node) ], [], 'the server takes each line') or diag(explain([ bad_rules($node) ]));
my @expected = map { encode_utf8($_) } "local | all | $os_user |  | peer", map { my (undef, @rules) = @$_; @rules } @cases;
my @loaded = loaded_rules($node);
is_deeply(\@loaded, \@expected, 'the server loads what is declared, no rule more, none less')
  or diag(map { ($loaded[$_] // '(none)') . "   <->   " . ($expected[$_] // '(none)') . "\n" }
	grep { ($loaded[$_] // '') ne ($expected[$_] // '') } 0 .. ($#loaded > $#expected ? $#loaded : $#expected));
my $text = slurp_file(hba_file($node));
like($text, qr/^#host\s+all\s+r_replica\s/m, 'rules of other roles stand there, commented out');
like($text, qr/^#host all raw_delayed /m, '... raw ones too');
like($text, qr/^host\s+"replication"\s+"all"\s/m, 'quoted names are no keywords');

is(reloads($node) - $before, 1, 'one reload');
is(slurp_file(hba_file($node) . '.pgops-original'), $original, 'the file found at first is kept');
is(sprintf('%04o', (stat hba_file($node))[2] & 07777), '0600', 'only the server may read the new one');

# ---- order: numbers first, then the rest; ties as declared, defaults before ----
my @ordered = map { "{ user: $_->[0], addr: 10.7.0.1" . (defined $_->[1] ? ", order: $_->[1] }" : ' }') }
  [ 'none_1', undef ], [ 'o_50_a', 50 ], [ 'o_0', 0 ], [ 'o_100', 100 ], [ 'o_50_b', 50 ], [ 'none_2', undef ], [ 'o_9', 9 ];
my $ordering = cluster('[' . join(', ', @ordered) . ']') =~ s/pg_default_hba_rules: \[\]/pg_default_hba_rules: [{ user: d_none, addr: 10.7.0.1 }, { user: d_50, addr: 10.7.0.1, order: 50 }, { user: d_7, addr: 10.7.0.1, order: 7 }]/r;
my $kept = file_identity(hba_file($node) . '.pgops-original');
converge($node, $ordering, 'converged', 'rules with an order');
is( join(' ', map { (split / \| /)[2] } loaded_rules($node)),
	"$os_user o_0 d_7 o_9 d_50 o_50_a o_50_b o_100 d_none none_1 none_2", 'their order in the file');
is(file_identity(hba_file($node) . '.pgops-original'), $kept, 'the original is kept once');
is(reloads($node) - $before, 2, 'one more reload');

# ---- nothing changes: nothing is written, nothing is reloaded ----
my $footprint = footprint($node);
declare($node, "# said again\n$ordering");
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
settle($node);
same_footprint($footprint, footprint($node), 'no change, no write');
is(reloads($node) - $before, 2, 'and no reload');

# ---- who gets in ----
converge($node, cluster(<<~'RULES' =~ s/\n\s*/ /gr), 'converged', 'rules that matter');
	[ { user: outcast, db: all, addr: 127.0.0.1, auth: deny },
	  { user: friend, db: app, addr: 127.0.0.0/8, auth: trust },
	  { user: 'walker,outcast,"we""ird \ na''me, #1"', db: 'app,"north, ""south"" #2"', addr: localhost, auth: pwd },
	  { role: replica, user: stranger, db: all, addr: 127.0.0.1, auth: trust } ]
	RULES
is((tcp_login($node, 'walker', 'Hba.Walker.Secret', 'app'))[1], 'walker', 'with the password');
isnt((tcp_login($node, 'walker', 'wrong', 'app'))[0], 0, 'not with another');
like((tcp_login($node, 'walker', 'Hba.Walker.Secret', 'postgres'))[1], qr/no pg_hba\.conf entry/, 'not into another database');
like((tcp_login($node, 'outcast', 'Hba.Outcast.Secret', 'app'))[1], qr/rejects connection/, 'the first rule that matches decides');
is((tcp_login($node, 'friend', '', 'app'))[1], 'friend', 'trusted');
like((tcp_login($node, 'friend', '', 'postgres'))[1], qr/no pg_hba\.conf entry/, '... only where declared');
like((tcp_login($node, 'stranger', 'Hba.Stranger.Secret', 'app'))[1], qr/no pg_hba\.conf entry/, 'a rule for replicas lets nobody into a primary');
is(value($node, 'SELECT current_user'), $os_user, 'the superuser gets in over the socket');

# ---- a candidate that the server's parser rejects ----
my $names = $node->data_dir . '/names';
append_to_file($names, "walker\n");
my $with_file = cluster('[{ rules: ["host app @names 127.0.0.1/32 scram-sha-256"] }]');
converge($node, $with_file, 'converged', 'a rule that reads names from a file');
is((tcp_login($node, 'walker', 'Hba.Walker.Secret', 'app'))[1], 'walker', 'it works');

rename $names, "$names.away" or die $!;
append_to_file(hba_file($node), "host all stranger 127.0.0.1/32 trust\n");
my $edited = file_identity(hba_file($node));
my $count = reloads($node);
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
my $status = settle($node);
is($status->{phase}, 'blocked', 'the file as declared does not parse: blocked');
like($status->{message}, qr/pg_hba\.conf/, '... and said so');
my ($row) = grep { $_->{kind} eq 'hba' } plan_rows($node);
is($row->{sqlstate}, 'PO401', '... with its SQLSTATE');
like($row->{blocked}, qr/line \d+ of the new pg_hba\.conf: .*names/, '... the line and what the parser says');
is(file_identity(hba_file($node)), $edited, 'the file stays as it is');
is(reloads($node), $count, 'nothing is reloaded');
my ($code, $stderr) = try_declare($node, $with_file =~ s/pg_seq: 1,/pg_seq: 1 ,/r =~ s/scram-sha-256/md5/r);
isnt($code, 0, 'and declaring such a line is refused');
like($stderr, qr/PO116/, '... with its SQLSTATE');

rename "$names.away", $names or die $!;
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'once it parses, the file is repaired');
unlike(slurp_file(hba_file($node)), qr/stranger/, 'the line that somebody added is gone');

# ---- refused when declared ----
for my $case (
	[ '{ user: all, db: all, auth: pwd }', 'PO1(?:06|10)', 'no address' ],
	[ '{ addr: 999.1.1.1/99 }', 'PO110', 'not an address' ],
	[ '{ addr: 10.0.0.1/33 }', 'PO110', 'a mask too long' ],
	[ '{ addr: 10.0.0.1, auth: magic }', 'PO105', 'an unknown method' ],
	[ '{ addr: 10.0.0.1, auth: peer }', 'PO116', 'peer over TCP' ],
	[ q({ addr: local, auth: cert }), 'PO116', 'a certificate over the socket' ],
	[ q({ rules: ['host all all 10.0.0.0/8 trust \\'] }), 'PO116', 'a raw line that would swallow the next' ],
	[ q({ rules: ['hots all all all trust'] }), 'PO116', 'a raw line that is none' ],
	[ q({ rules: ['include other.conf', '# nothing'] }), 'PO116', 'a raw line that is no rule' ],
	[ q({ user: "a\nb", addr: 10.0.0.1 }), 'PO116', 'a name with a line end' ],
	[ q({ user: "${nobody}", addr: 10.0.0.1 }), 'PO1(?:08|09)', 'an unknown alias of a user' ],
	[ q({ role: boss, addr: 10.0.0.1 }), 'PO105', 'an unknown role' ])
{
	my ($rule, $sqlstate, $what) = @$case;
	my @errors = rows($node, 'SELECT * FROM pgops.validate(' . literal(cluster("[$rule]")) . ") WHERE severity = 'error'");
	like($errors[0]{code} // '(none)', qr/^$sqlstate$/, "refused: $what") or diag(explain(\@errors));
	is($errors[0]{line}, 21, '... at its line');
}

# ---- not ours to write ----
$node->append_conf('postgresql.conf', 'pgops.manage_hba = off');
$node->reload;
wait_for($node, "SELECT current_setting('pgops.manage_hba') = 'off'", 'told to leave the file alone');
my $left = file_identity(hba_file($node));
converge($node, cluster('[{ user: walker, addr: 10.9.0.1 }]'), 'converged', 'declared without the file');
is(scalar(grep { $_->{kind} eq 'hba' } plan_rows($node)), 0, 'no file in the plan');
is(file_identity(hba_file($node)), $left, 'the file is left alone');
$node->append_conf('postgresql.conf', 'pgops.manage_hba = on');
$node->reload;
wait_for($node, "SELECT current_setting('pgops.manage_hba') = 'on'", 'told to manage it again');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
settle($node);
like(slurp_file(hba_file($node)), qr/^host\s+all\s+walker\s+10\.9\.0\.1\/32/m, 'the file is written');
$node->stop;

# ---- a superuser of another name: by the method that let it in ----
my $spec = document('small.yml');
for my $case ([ 'trust', "local all all trust\n" ],
	[ 'peer map=ops', "local sameuser all md5\nlocal postgres,all \"the boss\" peer map=ops\nlocal all all reject\n" ])
{
	my ($method, $file) = @$case;
	local $ENV{PGUSER} = 'the boss';
	(my $name = $method) =~ s/\W.*//;
	my $other = pgops_node("boss_$name", init => { extra => [ '-E', 'UTF8', '--locale=C', '-U', 'the boss' ] }, start => 0);
	unlink hba_file($other) or die $!;
	append_to_file(hba_file($other), $file);
	append_to_file($other->data_dir . '/pg_ident.conf', "ops $os_user \"the boss\"\n");
	$other->start;
	$other->safe_psql('postgres', 'CREATE EXTENSION pgops');
	converge($other, $spec, 'converged', "superuser \"the boss\" by $method");
	my @found = rows($other, 'SELECT * FROM pg_hba_file_rules ORDER BY line_number');
	is_deeply([ @{ $found[0] }{qw(type database user_name auth_method options)} ],
		[ 'local', ['all'], ['the boss'], $method =~ s/ .*//r, $method =~ /(map=.*)/ ? [$1] : undef ],
		'the first rule is its own, by the method it had');
	is(value($other, 'SELECT current_user'), 'the boss', 'it still gets in');
	my $print = footprint($other);
	declare($other, "# again\n$spec");
	settle($other);
	same_footprint($print, footprint($other), 'and that stays so');
	$other->stop;
}

# ---- a file elsewhere, by a link; and a folder that cannot be written ----
{
	my $linked = pgops_node('linked', conf => "pgops.drift_interval = '1h'\n");
	my $link = hba_file($linked);
	my $folder = $linked->data_dir . '/conf';
	mkdir $folder or die $!;
	rename $link, "$folder/real.conf" or die $!;
	symlink "$folder/real.conf", $link or die $!;
	my $found = file_identity("$folder/real.conf");

	chmod 0500, $folder or die $!;
	declare($linked, $spec);
	my $status = settle($linked);
	is($status->{phase}, 'degraded', 'a folder that cannot be written');
	is(value($linked, "SELECT string_agg(rule || ' ' || sqlstate, ',') FROM pgops.failure"), 'hba.write 42501', '... is the only failure');
	is(file_identity("$folder/real.conf"), $found, '... the file is as it was');
	is(value($linked, 'SELECT count(*) FROM pg_database WHERE datname = \'app\''), 1, '... and everything else is done');
	chmod 0700, $folder or die $!;
	$linked->safe_psql('postgres', 'SELECT pgops.reconcile()');
	is(settle($linked)->{phase}, 'converged', 'once it can, the file is written');
	ok(-l $link, 'the link is still one');
	like(slurp_file("$folder/real.conf"), qr/written by pgops/, '... and what it points to is written');
	is(join(' ', sort map { s{.*/}{}r } glob("$folder/*")), 'real.conf', 'nothing temporary is left');
	is(join(' ', sort map { s{.*/}{}r } grep { !/real/ } glob($linked->data_dir . '/pg_hba*')), 'pg_hba.conf pg_hba.conf.pgops-original', '... nor beside the link');
	$linked->stop;
}

# no local rule let it in before: then by its password, which it has
{
	local $ENV{PGUSER} = 'the boss';
	my $other = pgops_node('boss_password', init => { extra => [ '-E', 'UTF8', '--locale=C', '-U', 'the boss' ] });
	$other->safe_psql('postgres', q(ALTER ROLE "the boss" PASSWORD 'Hba.Boss.Secret'));
	unlink hba_file($other) or die $!;
	append_to_file(hba_file($other), "local all all reject\nhost all all 127.0.0.1/32 scram-sha-256\n");
	declare($other, $spec);
	ok(wait_until(sub { slurp_file(hba_file($other)) =~ /^local\s+all\s+"the boss"\s+scram-sha-256$/m }),
		'a superuser that no local rule let in gets in by its password');
	local $ENV{PGPASSWORD} = 'Hba.Boss.Secret';
	ok(wait_until(sub { ($other->psql('postgres', 'SELECT 1', connstr => $other->connstr('postgres') . ' connect_timeout=5'))[0] == 0 }),
		'... over the socket');
	is(settle($other)->{phase}, 'converged', '... and everything else is done');
}

done_testing();
