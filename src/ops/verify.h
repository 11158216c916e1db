/*
 * verify.h
 *		What of restore tests the coordinator has to know.
 */
#ifndef PGOPS_OPS_VERIFY_H
#define PGOPS_OPS_VERIFY_H

#include "datatype/timestamp.h"

/*
 * verify_watch
 *		Queues the dropping of scratch instances whose test is over: of those
 *		that a crash or an immediate stop ended.  In a transaction of its own.
 *		Returns when to look again, 0: no such time.
 */
extern TimestampTz verify_watch(void);

#endif							/* PGOPS_OPS_VERIFY_H */
