/*
 * validate_address.c
 *		Addresses: of hosts, of virtual addresses, of access rules.
 *
 * Pure: addresses are read, never looked up.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "errors.h"
#include "spec/validate.h"

static const char *const address_aliases[] = {
	"local", "localhost", "admin", "infra", "cluster", "intra", "intranet", "world", "all",
	NULL
};

/* 4 or 6; 0: no address */
static int
address_family(const char *string)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, string, bytes) == 1)
		return 4;
	if (inet_pton(AF_INET6, string, bytes) == 1)
		return 6;
	return 0;
}

/*
 * inet_pton() accepts neither 10.1 nor 010.1.1.1, whose meaning depends on who
 * reads them.
 */
bool
spec_valid_address(const char *string)
{
	return address_family(string) != 0;
}

/*
 * Bits set beyond the mask are accepted, as in pg_hba.conf: 10.10.10.2/24
 * names a host and its network at once.
 */
bool
spec_valid_cidr(const char *string)
{
	const char *slash = strchr(string, '/');
	const char *mask;
	int			family;

	if (slash == NULL)
		return false;
	mask = slash + 1;
	if (*mask == '\0' || strlen(mask) > 3 || strspn(mask, "0123456789") != strlen(mask))
		return false;
	family = address_family(pnstrdup(string, slash - string));
	return family != 0 && strtol(mask, NULL, 10) <= (family == 4 ? 32 : 128);
}

/* letters, digits, hyphens and underscores between dots; a leading dot means a suffix */
static bool
valid_host_name(const char *string)
{
	int			label = 0;

	if (*string == '.')
		string++;
	if (*string == '\0' || strlen(string) > 253)
		return false;
	for (; *string != '\0'; string++)
	{
		if (*string == '.')
		{
			if (label == 0)
				return false;
			label = 0;
		}
		else if (isalnum((unsigned char) *string) || *string == '-' || *string == '_')
		{
			if (++label > 63)
				return false;
		}
		else
			return false;
	}
	return true;
}

/* Aliases are exact; "Local" would be a host name. */
static bool
is_alias(const char *string)
{
	for (int i = 0; address_aliases[i] != NULL; i++)
	{
		if (strcmp(address_aliases[i], string) == 0)
			return true;
	}
	return false;
}

/*
 * The order matters: an alias first, then what can only be an address, and a
 * host name last, so that 10.0.0.999 is not taken for the name of a host.
 */
void
spec_check_hba_address(const SpecNode *value, const char *path, Findings *findings)
{
	const char *string = value->text;
	bool		numeric;
	bool		valid;

	if (is_alias(string) || spec_has_placeholder(string))
		return;

	/* what is made of digits, dots and a mask, or has a colon, is meant as an address */
	numeric = strspn(string, "0123456789./") == strlen(string) || strchr(string, ':') != NULL;
	if (strchr(string, '/') != NULL)
		valid = spec_valid_cidr(string);
	else if (numeric)
		valid = spec_valid_address(string);
	else
		valid = valid_host_name(string);
	if (valid)
		return;

	spec_error(findings, ERRCODE_PGOPS_BAD_ADDRESS, value, path,
			   spec_did_you_mean(string, address_aliases),
			   "\"%s\" is neither an IP address, a CIDR range, a host name nor an address alias",
			   string);
}
