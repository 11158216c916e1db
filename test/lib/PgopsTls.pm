# PgopsTls.pm: certificates for tests
#
#	use PgopsTls;
#	authority($folder, 'ca');						# ca.crt, ca.key
#	certify($folder, 'server', 'ca', 'IP:127.0.0.1');	# server.crt, server.key, signed by it
#
# With all that RFC 5280 asks for, which Python, and so Patroni, insists on since 3.13.
#
# Not for: servers that show them.
package PgopsTls;

use strict;
use warnings;

use Exporter qw(import);
use IPC::Run;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(authority certify);

my @new_key = qw(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes);

sub openssl
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'openssl', @arguments ], '<', \undef, '>', \$out, '2>', \$err)
	  or die "openssl @arguments: $err";
	return;
}

# a self-signed certificate that others can be signed with
sub authority
{
	my ($folder, $name) = @_;
	openssl('req', '-x509', @new_key, qw(-days 2 -subj), "/CN=$name",
		'-addext', 'keyUsage=critical,keyCertSign,cRLSign',
		'-keyout', "$folder/$name.key", '-out', "$folder/$name.crt");
	return;
}

# one for a subject (IP:127.0.0.1, DNS:name), signed by an authority
sub certify
{
	my ($folder, $name, $authority, $subject) = @_;
	append_to_file("$folder/$name.ext",
		"subjectAltName=$subject\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
	openssl('req', @new_key, '-subj', "/CN=$name", '-keyout', "$folder/$name.key", '-out', "$folder/$name.csr");
	openssl(qw(x509 -req -days 2 -CAcreateserial), '-in', "$folder/$name.csr", '-extfile',
		"$folder/$name.ext", '-CA', "$folder/$authority.crt", '-CAkey', "$folder/$authority.key",
		'-out', "$folder/$name.crt");
	return;
}

1;
