/*
 * ha_sign.c
 *		What shared memory of this server tells of the others: a connection
 *		that ends, another timeline, a promotion.
 *
 * So the HA worker need not wait for its next look, and need not look often
 * while nothing happens.
 *
 * Not for: what it means; Patroni is asked about that.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "replication/walreceiver.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"

#include "worker/ha_look.h"

/* which processes send WAL, and whether each has caught up */
static uint64
senders(void)
{
	uint64		digest = 0;

	for (int i = 0; i < max_wal_senders; i++)
	{
		WalSnd	   *sender = &WalSndCtl->walsnds[i];

		SpinLockAcquire(&sender->mutex);
		if (sender->pid != 0)
			digest = digest * 31 + (uint64) sender->pid * 8 + (uint64) sender->state;
		SpinLockRelease(&sender->mutex);
	}
	return digest;
}

void
ha_sign_read(HaSign *sign)
{
	memset(sign, 0, sizeof(HaSign));
	sign->recovery = RecoveryInProgress();
	SpinLockAcquire(&WalRcv->mutex);
	sign->receiver = (int) WalRcv->pid;
	sign->receiver_state = (int) WalRcv->walRcvState;
	sign->timeline = WalRcv->receivedTLI;
	SpinLockRelease(&WalRcv->mutex);
	sign->senders = senders();
}
