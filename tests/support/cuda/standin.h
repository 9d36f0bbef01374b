/* What the stand-ins for the CUDA driver and for NVML share: one table in a file of $STANDIN_CUDA_DIR.
 *
 * Every process maps the same file, so a park by one process is seen by its target and by NVML. Each look at
 * the table happens under a file lock; the lock goes when its holder dies, so a killed process blocks nobody.
 * The Python side (standin.py) mirrors these structures field by field: change both or neither.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdint.h>

enum { MAX_DEVICES = 16, MAX_PROCESSES = 64, MAX_ALLOCATIONS = 64, MAX_FAULTS = 32 };

/* As CUprocessState. */
enum { RUNNING = 0, LOCKED = 1, CHECKPOINTED = 2, FAILED = 3, CHECKPOINTING = 4, RESTORING = 5 };

/* What an injected fault may do to its target besides answering an error. */
enum { STATE_UNCHANGED = -1, TARGET_KILLED = 100 };

typedef struct {
    char uuid[48];
    char model[64];
    uint64_t memory;     /* bytes in all */
    uint64_t foreign;    /* bytes held by something that has no process here */
    uint64_t energy;     /* millijoules used before the table was made */
    int32_t mig;         /* -1: the device knows no MIG; 0: off; 1: on */
    int32_t utilization; /* percent */
    int32_t lost;        /* 1: fell off the bus */
    int32_t mps_pid;     /* process served through MPS, 0: none */
} Device;

typedef struct {
    int32_t live;
    int32_t device;
    uint64_t address;
    uint64_t bytes;
} Allocation;

typedef struct {
    int32_t pid; /* 0: this row is free */
    uint32_t uid;
    uint64_t started; /* start time, field 22 of /proc/PID/stat: tells a pid from its later namesake */
    int32_t state;
    int32_t poisoned; /* a restore ran out of memory: no later one can succeed */
    int32_t busy;     /* work on the device that does not end */
    int32_t managed;  /* has managed memory, which a checkpoint breaks */
    int32_t visible_count;
    int32_t visible[MAX_DEVICES];
    int32_t contexts[MAX_DEVICES]; /* references to the primary context */
    int32_t unused;
    Allocation allocations[MAX_ALLOCATIONS];
} Process;

typedef struct {
    char op[32]; /* "": this row is free */
    int32_t code;
    int32_t times; /* how often it still answers `code` */
    int32_t state_after;
    int32_t delay_before_ms;
    int32_t delay_after_ms;
    int32_t unused;
} Fault;

typedef struct {
    char driver[32]; /* as NVML spells it: 580.95.05 */
    int32_t cuda_version;
    int32_t device_count;
    int32_t shows_transitions;   /* 1: CHECKPOINTING and RESTORING can be seen, and a killed caller leaves them */
    int32_t everybody_has_state; /* 1: GetState answers "running" for processes without CUDA */
    int32_t hides_memory;        /* 1: NVML lists processes without their memory */
    int32_t hides_processes;     /* 1: NVML lists no process, as in a container with its own pids */
    int32_t lists_parked;        /* 1: NVML lists parked processes, though their memory has left */
    int32_t unused;
    uint64_t context_bytes;      /* what an empty context costs */
    uint64_t started_ms;
    uint64_t next_address;
    Device devices[MAX_DEVICES];
    Process processes[MAX_PROCESSES];
    Fault faults[MAX_FAULTS];
} Table;

/* The table of $STANDIN_CUDA_DIR, or NULL where there is none. */
Table *table_open(void);
/* Locks the table and drops the rows of dead processes. Answers what table_unlock() needs. */
int table_lock(Table *table);
void table_unlock(int lock);

/* Waits the delay set for `op`, then answers the injected error, or 0. Called without the lock.
 * `state_after` may be NULL. */
int fault_before(Table *table, const char *op, int *state_after);
void fault_after(Table *table, const char *op);
/* Adds "op pid target code" to calls.log. */
void call_log(const char *op, int target, int code);

/* Callers of the functions below hold the lock. */
Process *process_find(Table *table, int pid);
uint64_t process_bytes(const Table *table, const Process *process, int device);
uint64_t device_used(const Table *table, int device);
int process_on_device(const Process *process, int device);

uint64_t process_started(int pid); /* 0 when there is no such live process; zombies hold no device */
uint64_t now_ms(void);
void sleep_ms(int milliseconds);
void path_in_state(char *path, unsigned long size, const char *format, ...);

#endif
