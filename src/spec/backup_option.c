/*
 * backup_option.c
 *		The options of a backup repository, one row each.
 *
 * Versions matter where a server still in use has an older
 * pgBackRest: what is older than all of those has 0.
 */
#include "postgres.h"

#include <ctype.h>

#include "spec/backup_option.h"

#define TEXT(name_, since_)		{name_, PT_STRING, NULL, 0, 0, since_}
#define ONOFF(name_, since_)	{name_, PT_BOOL, NULL, 0, 0, since_}
#define BYTES(name_, since_)	{name_, PT_SIZE, NULL, 0, 0, since_}
#define FILENAME(name_, since_) {name_, PT_PATH, NULL, 0, 0, since_}
#define COUNT(name_, min_, max_) {name_, PT_INT, NULL, min_, max_, 0}
#define ONE_OF(name_, choices_) {name_, PT_ENUM, choices_, 0, 0, 0}

/* the program's own limit for numbers of backups */
#define MOST	9999999

const BackupOptionDef backup_options[] = {
	/* where */
	ONE_OF("type", "posix,cifs,s3,azure,gcs,sftp"),
	FILENAME("path", 0),
	ONOFF("hardlink", 0),
	ONOFF("symlink", 253),

	/* how files are kept */
	ONOFF("bundle", 239),
	BYTES("bundle_limit", 239),
	BYTES("bundle_size", 239),
	ONOFF("block", 246),
	TEXT("block_age_map", 246),
	TEXT("block_checksum_size_map", 246),
	TEXT("block_size_map", 246),
	BYTES("block_size_super", 246),
	BYTES("block_size_super_full", 246),
	ONE_OF("cipher_type", "none,aes-256-cbc"),
	TEXT("cipher_pass", 0),

	/* how long */
	COUNT("retention_full", 1, MOST),
	ONE_OF("retention_full_type", "count,time"),
	COUNT("retention_diff", 1, MOST),
	COUNT("retention_archive", 1, MOST),
	ONE_OF("retention_archive_type", "full,diff,incr"),
	{"retention_history", PT_INT, NULL, 0, MOST, 235},

	/* object stores and other machines */
	TEXT("s3_bucket", 0),
	TEXT("s3_endpoint", 0),
	TEXT("s3_region", 0),
	TEXT("s3_key", 0),
	TEXT("s3_key_secret", 0),
	ONE_OF("s3_key_type", "shared,auto,web-id,pod-id"),
	TEXT("s3_kms_key_id", 0),
	ONOFF("s3_requester_pays", 252),
	TEXT("s3_role", 0),
	TEXT("s3_sse_customer_key", 250),
	TEXT("s3_token", 0),
	ONE_OF("s3_uri_style", "host,path"),
	TEXT("azure_account", 0),
	TEXT("azure_container", 0),
	TEXT("azure_endpoint", 0),
	TEXT("azure_key", 0),
	ONE_OF("azure_key_type", "shared,sas,auto"),
	ONE_OF("azure_uri_style", "host,path"),
	TEXT("gcs_bucket", 0),
	TEXT("gcs_endpoint", 0),
	TEXT("gcs_key", 0),
	ONE_OF("gcs_key_type", "service,token,auto"),
	TEXT("gcs_user_project", 254),
	TEXT("sftp_host", 246),
	TEXT("sftp_host_fingerprint", 246),
	TEXT("sftp_host_key_check_type", 248),
	TEXT("sftp_host_key_hash_type", 246),
	{"sftp_host_port", PT_INT, NULL, 1, 65535, 246},
	TEXT("sftp_host_user", 246),
	TEXT("sftp_known_host", 248),
	FILENAME("sftp_private_key_file", 246),
	TEXT("sftp_private_key_passphrase", 246),
	FILENAME("sftp_public_key_file", 246),
	FILENAME("storage_ca_file", 0),
	FILENAME("storage_ca_path", 0),
	TEXT("storage_host", 0),
	COUNT("storage_port", 1, 65535),
	TEXT("storage_tag", 248),
	BYTES("storage_upload_chunk_size", 0),
	ONOFF("storage_verify_tls", 0),
	{NULL}
};

const BackupOptionDef *
backup_option(const char *name)
{
	for (const BackupOptionDef *option = backup_options; option->name != NULL; option++)
	{
		if (strcmp(option->name, name) == 0)
			return option;
	}
	return NULL;
}

const char *const *
backup_option_names(void)
{
	const char **names = palloc(lengthof(backup_options) * sizeof(char *));

	for (int i = 0; i < lengthof(backup_options); i++)
		names[i] = backup_options[i].name;
	return names;
}

/* one name, its blanks taken off; NULL if nothing is left */
static char *
trimmed(const char *text, size_t length)
{
	while (length > 0 && isspace((unsigned char) *text))
		text++, length--;
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	return length > 0 ? pnstrdup(text, length) : NULL;
}

/* the names of one text */
static List *
split_names(const char *text)
{
	List	   *names = NIL;

	while (text != NULL)
	{
		const char *comma = strchr(text, ',');
		char	   *name = trimmed(text, comma ? comma - text : strlen(text));

		if (name != NULL)
			names = lappend(names, name);
		text = comma ? comma + 1 : NULL;
	}
	return names;
}

/* what pgbackrest_method says itself */
static List *
declared_methods(const SpecNode *method)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (method == NULL)
		return NIL;
	if (method->kind != NODE_LIST)
		return split_names(node_text(method));
	foreach(lc, method->items)
		names = list_concat(names, split_names(node_text(lfirst(lc))));
	return names;
}

List *
backup_methods(const SpecNode *method, const SpecNode *repos)
{
	List	   *names = declared_methods(method);

	if (names != NIL)
		return names;
	if (repos != NULL && list_length(repos->entries) == 1)
		return list_make1(pstrdup(((SpecEntry *) linitial(repos->entries))->key));
	return list_make1(pstrdup("local"));
}
