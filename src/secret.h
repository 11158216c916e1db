/*
 * secret.h
 *		Passwords and other secrets: verifiers, masks, and keeping statements
 *		that may hold one out of the server log.
 */
#ifndef PGOPS_SECRET_H
#define PGOPS_SECRET_H

#include "postgres.h"

#define SECRET_MASK			"********"
#define SECRET_REDACTED		"<redacted>"

/* whether text is a SCRAM or md5 verifier rather than a plain password */
extern bool secret_is_verifier(const char *text);

/* whether it is one that does not depend on the role's name */
extern bool secret_is_scram(const char *text);

/* whether a plain password (or an equal verifier) matches a verifier of the role */
extern bool secret_matches(const char *role, const char *declared, const char *verifier);

/*
 * secret_verifier
 *		The SCRAM verifier to keep for a declared password: the declared text
 *		if it is a verifier already, "known" if it matches (so nothing changes),
 *		else a new one.  known may be NULL.  palloc'd.
 */
extern char *secret_verifier(const char *role, const char *declared, const char *known);

/* whether this is one of the field's well-known default passwords */
extern bool secret_is_well_known(const char *plain);

/*
 * secret_in_hba
 *		The first option of a pg_hba.conf text whose value is a secret, or NULL.
 *		Points into the text.
 */
extern const char *secret_in_hba(const char *text);

/*
 * secret_mask_hba
 *		A copy of a pg_hba.conf text in which such a value, and what follows it
 *		in its rule, is masked.  palloc'd.
 */
extern char *secret_mask_hba(const char *text);

/*
 * secret_hide_statement
 *		To be called first by every SQL function that takes a document: hides the
 *		statement that is running, whatever it looks like (EXECUTE, a wrapper
 *		function), from the rest of its log messages and from pg_stat_activity.
 */
extern void secret_hide_statement(void);

/* installs the log hook that hides statements which call pgops with a document */
extern void secret_install_log_hook(void);

#endif							/* PGOPS_SECRET_H */
