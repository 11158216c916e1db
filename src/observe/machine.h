/*
 * machine.h
 *		How big the machine is that this server runs on.
 *
 * Not for: what follows from it (spec/tune.h).
 */
#ifndef PGOPS_OBSERVE_MACHINE_H
#define PGOPS_OBSERVE_MACHINE_H

typedef struct Machine
{
	int			cpu;			/* processors */
	int			mem_mb;			/* memory, or the limit that the server's control group has */
	int64		disk_bytes;		/* size of the data directory's file system */
} Machine;

/*
 * observe_machine
 *		Looks anew each time: sizes of virtual machines change.  What cannot be found
 *		out is 0.  Raises nothing.
 */
extern void observe_machine(Machine *machine);

#endif							/* PGOPS_OBSERVE_MACHINE_H */
