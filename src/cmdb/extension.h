/*
 * extension.h
 *		Short transactions of workers: none touches pgops' tables without having
 *		locked the extension and found it to be the loaded version.
 */
#ifndef PGOPS_CMDB_EXTENSION_H
#define PGOPS_CMDB_EXTENSION_H

#include "postgres.h"

typedef enum ExtensionState
{
	EXTENSION_READY,
	EXTENSION_MISSING,			/* CREATE EXTENSION pgops was not run, or it was dropped */
	EXTENSION_OTHER_VERSION		/* the SQL objects are of another version than the library */
} ExtensionState;

/*
 * txn_begin
 *		Starts a transaction with an active snapshot, locks the extension
 *		against DROP until the end.  If the result is not EXTENSION_READY the
 *		transaction is closed again.
 */
extern ExtensionState txn_begin(void);

/* commits what txn_begin started; the memory context is left as the caller had it,
 * the resource owner is one that lives between transactions */
extern void txn_end(void);

/* after an error: aborts the transaction, if any, and frees what was held between transactions */
extern void txn_abort(void);

/*
 * txn_forgive
 *		In a PG_CATCH(): the current error is cleared and the transaction aborted,
 *		"context" becomes the current one, in which the error's message is returned.  A
 *		cancel, or what ends the process, is raised again.
 */
extern char *txn_forgive(MemoryContext context);

/* version of the installed SQL objects, or NULL; needs a transaction */
extern char *extension_installed_version(void);

#endif							/* PGOPS_CMDB_EXTENSION_H */
