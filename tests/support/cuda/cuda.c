/* A stand-in for libcuda.so.1: devices without a device, for tests. Never shipped; see README.md.
 * Written from the public documentation of the driver API. */
#define _GNU_SOURCE
#include "standin.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int CUresult;
typedef int CUdevice;
typedef void *CUcontext;
typedef unsigned long long CUdeviceptr;
typedef struct { unsigned char bytes[16]; } CUuuid;
typedef struct { CUuuid old_uuid, new_uuid; } GpuPair;
typedef struct { unsigned timeout_ms, reserved; uint64_t unused[7]; } LockArgs;
typedef struct { GpuPair *pairs; unsigned count; char unused[52]; } RestoreArgs;

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    OPERATING_SYSTEM = 304,
    ILLEGAL_STATE = 401,
    NOT_FOUND = 500,
    NOT_READY = 600,
    NOT_PERMITTED = 800,
    NOT_SUPPORTED = 801,
    UNKNOWN = 999,
};

static const struct { CUresult code; const char *name, *text; } ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {OPERATING_SYSTEM, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"},
    {ILLEGAL_STATE, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {NOT_PERMITTED, "CUDA_ERROR_NOT_PERMITTED", "operation not permitted"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

/* cuInit() does not reach through fork(): the child has to call it again. */
static int initialised_in;
static __thread int current_device = -1;

/* ---- This process ---- */

static int same_device(const char *entry, size_t length, const Device *device, int index)
{
    char *end;
    if (length == 0)
        return 0;
    if (entry[0] == 'G' || entry[0] == 'M')
        return length >= 8 && strncmp(entry, device->uuid, length) == 0;
    return strtol(entry, &end, 10) == index && (size_t)(end - entry) == length;
}

/* Fills `visible` from CUDA_VISIBLE_DEVICES: an entry that names nothing hides itself and all after it. */
static int visible_devices(const Table *table, int32_t *visible)
{
    const char *entry = getenv("CUDA_VISIBLE_DEVICES");
    int count = 0;
    if (!entry) {
        for (; count < table->device_count; count++)
            visible[count] = count;
        return count;
    }
    while (*entry && count < MAX_DEVICES) {
        size_t length = strcspn(entry, ",");
        int found = -1;
        for (int i = 0; i < table->device_count; i++)
            if (same_device(entry, length, &table->devices[i], i))
                found = i;
        if (found < 0)
            break;
        visible[count++] = found;
        entry += length + (entry[length] == ',');
    }
    return count;
}

static CUresult register_process(Table *table)
{
    int32_t visible[MAX_DEVICES];
    int count = visible_devices(table, visible);
    if (count == 0)
        return NO_DEVICE;
    for (int i = 0; i < MAX_PROCESSES; i++) {
        Process *process = &table->processes[i];
        if (process->pid != 0)
            continue;
        memset(process, 0, sizeof *process);
        process->uid = geteuid();
        process->started = process_started(getpid());
        process->visible_count = count;
        memcpy(process->visible, visible, sizeof visible);
        process->pid = getpid();
        return SUCCESS;
    }
    return UNKNOWN;
}

CUresult cuInit(unsigned flags)
{
    Table *table = table_open();
    if (flags != 0)
        return INVALID_VALUE;
    if (!table)
        return NO_DEVICE;
    CUresult result = fault_before(table, "init", NULL);
    if (result != SUCCESS || initialised_in == getpid())
        return result;
    int lock = table_lock(table);
    result = register_process(table);
    table_unlock(lock);
    if (result == SUCCESS)
        initialised_in = getpid();
    return result;
}

/* Opens the table for an ordinary call of this process and waits while it is locked or checkpointed, as the
 * driver does. On SUCCESS the lock is held and must be given to leave(). */
static CUresult enter(Table **table, Process **process, int *lock)
{
    if (initialised_in != getpid())
        return NOT_INITIALIZED;
    *table = table_open();
    if (!*table)
        return UNKNOWN;
    for (;;) {
        *lock = table_lock(*table);
        *process = process_find(*table, getpid());
        if (*process && (*process)->state == RUNNING)
            return SUCCESS;
        int failed = !*process || (*process)->state == FAILED;
        table_unlock(*lock);
        if (failed)
            return UNKNOWN;
        sleep_ms(5);
    }
}

static CUresult leave(int lock, CUresult result)
{
    table_unlock(lock);
    return result;
}

/* ---- Devices ---- */

CUresult cuDriverGetVersion(int *version)
{
    Table *table = table_open();
    *version = table ? table->cuda_version : 0;
    return SUCCESS;
}

CUresult cuGetErrorName(CUresult code, const char **name)
{
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (ERRORS[i].code == code)
            return *name = ERRORS[i].name, SUCCESS;
    return *name = NULL, INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult code, const char **text)
{
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (ERRORS[i].code == code)
            return *text = ERRORS[i].text, SUCCESS;
    return *text = NULL, INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count)
{
    Table *table;
    Process *process;
    int lock;
    CUresult result = enter(&table, &process, &lock);
    if (result != SUCCESS)
        return result;
    *count = process->visible_count;
    return leave(lock, SUCCESS);
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    int count;
    CUresult result = cuDeviceGetCount(&count);
    if (result != SUCCESS)
        return result;
    if (ordinal < 0 || ordinal >= count)
        return INVALID_DEVICE;
    *device = ordinal;
    return SUCCESS;
}

/* A copy of what the table says of device `ordinal` of this process. */
static CUresult look_up(CUdevice ordinal, Device *found, int *index)
{
    Table *table;
    Process *process;
    int lock;
    CUresult result = enter(&table, &process, &lock);
    if (result != SUCCESS)
        return result;
    if (ordinal < 0 || ordinal >= process->visible_count)
        return leave(lock, INVALID_DEVICE);
    *index = process->visible[ordinal];
    *found = table->devices[*index];
    return leave(lock, SUCCESS);
}

static void parse_uuid(const char *text, CUuuid *uuid)
{
    int digits = 0;
    memset(uuid, 0, sizeof *uuid);
    for (const char *at = strchr(text, '-'); at && *at && digits < 32; at++) {
        char one[2] = {*at, 0};
        if (*at == '-')
            continue;
        uuid->bytes[digits / 2] = (unsigned char)(uuid->bytes[digits / 2] << 4 | strtoul(one, NULL, 16));
        digits++;
    }
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice ordinal)
{
    Device device;
    int index;
    CUresult result = look_up(ordinal, &device, &index);
    if (result == SUCCESS)
        parse_uuid(device.uuid, uuid);
    return result;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice ordinal)
{
    Device device;
    int index;
    CUresult result = look_up(ordinal, &device, &index);
    if (result == SUCCESS)
        snprintf(name, (size_t)length, "%s", device.model);
    return result;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice ordinal)
{
    Device device;
    int index;
    CUresult result = look_up(ordinal, &device, &index);
    if (result == SUCCESS)
        *bytes = device.memory;
    return result;
}

CUresult cuDeviceGetPCIBusId(char *text, int length, CUdevice ordinal)
{
    Device device;
    int index;
    CUresult result = look_up(ordinal, &device, &index);
    if (result == SUCCESS)
        snprintf(text, (size_t)length, "0000:%02X:00.0", index + 1);
    return result;
}

/* ---- Contexts. The handle of a primary context is the ordinal of its device plus one. ---- */

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice ordinal)
{
    Table *table;
    Process *process;
    int lock;
    CUresult result = enter(&table, &process, &lock);
    if (result != SUCCESS)
        return result;
    if (ordinal < 0 || ordinal >= process->visible_count)
        return leave(lock, INVALID_DEVICE);
    int index = process->visible[ordinal];
    uint64_t free_bytes = table->devices[index].memory - device_used(table, index);
    if (process->contexts[index] == 0 && table->context_bytes > free_bytes)
        return leave(lock, OUT_OF_MEMORY);
    process->contexts[index]++;
    *context = (CUcontext)(intptr_t)(ordinal + 1);
    return leave(lock, SUCCESS);
}

static void forget(Allocation *allocation)
{
    char path[512];
    path_in_state(path, sizeof path, "device/%llx", (unsigned long long)allocation->address);
    unlink(path);
    allocation->live = 0;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice ordinal)
{
    Table *table;
    Process *process;
    int lock;
    CUresult result = enter(&table, &process, &lock);
    if (result != SUCCESS)
        return result;
    if (ordinal < 0 || ordinal >= process->visible_count)
        return leave(lock, INVALID_DEVICE);
    int index = process->visible[ordinal];
    if (process->contexts[index] == 0)
        return leave(lock, INVALID_CONTEXT);
    if (--process->contexts[index] == 0)
        for (int i = 0; i < MAX_ALLOCATIONS; i++)
            if (process->allocations[i].live && process->allocations[i].device == index)
                forget(&process->allocations[i]);
    return leave(lock, SUCCESS);
}

CUresult cuCtxSetCurrent(CUcontext context)
{
    Table *table;
    Process *process;
    int lock;
    CUresult result = enter(&table, &process, &lock);
    if (result != SUCCESS)
        return result;
    int ordinal = (int)(intptr_t)context - 1;
    if (ordinal >= process->visible_count || (ordinal >= 0 && !process->contexts[process->visible[ordinal]]))
        return leave(lock, INVALID_CONTEXT);
    current_device = ordinal;
    return leave(lock, SUCCESS);
}

CUresult cuCtxGetCurrent(CUcontext *context)
{
    if (initialised_in != getpid())
        return NOT_INITIALIZED;
    *context = (CUcontext)(intptr_t)(current_device + 1);
    return SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device)
{
    *device = current_device;
    return current_device < 0 ? INVALID_CONTEXT : SUCCESS;
}

/* enter(), and the device of the current context. */
static CUresult enter_context(Table **table, Process **process, int *lock, int *index)
{
    CUresult result = enter(table, process, lock);
    if (result != SUCCESS)
        return result;
    if (current_device < 0 || current_device >= (*process)->visible_count)
        return leave(*lock, INVALID_CONTEXT);
    *index = (*process)->visible[current_device];
    return (*process)->contexts[*index] ? SUCCESS : leave(*lock, INVALID_CONTEXT);
}

CUresult cuCtxSynchronize(void)
{
    Table *table;
    Process *process;
    int lock, index;
    CUresult result = enter_context(&table, &process, &lock, &index);
    return result == SUCCESS ? leave(lock, SUCCESS) : result;
}

/* ---- Memory. An allocation is a (sparse) file in device/; parking moves it to host/. ---- */

static int open_allocation(const Allocation *allocation, int flags)
{
    char path[512];
    path_in_state(path, sizeof path, "device/%llx", (unsigned long long)allocation->address);
    return open(path, flags | O_RDWR | O_CLOEXEC, 0600);
}

static CUresult allocate(CUdeviceptr *address, size_t bytes, int managed)
{
    Table *table;
    Process *process;
    int lock, index;
    CUresult result = enter_context(&table, &process, &lock, &index);
    if (result != SUCCESS)
        return result;
    if (bytes == 0)
        return leave(lock, INVALID_VALUE);
    if (bytes > table->devices[index].memory - device_used(table, index))
        return leave(lock, OUT_OF_MEMORY);
    for (int i = 0; i < MAX_ALLOCATIONS; i++) {
        Allocation *allocation = &process->allocations[i];
        if (allocation->live)
            continue;
        *allocation = (Allocation){1, index, table->next_address, bytes};
        table->next_address += (bytes + 0x1fffff) & ~0x1fffffULL;
        int file = open_allocation(allocation, O_CREAT);
        if (file < 0 || ftruncate(file, (off_t)bytes) != 0) {
            allocation->live = 0;
            return leave(lock, UNKNOWN);
        }
        close(file);
        process->managed |= managed;
        *address = allocation->address;
        return leave(lock, SUCCESS);
    }
    return leave(lock, OUT_OF_MEMORY);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes)
{
    Table *table = table_open();
    CUresult result = table ? fault_before(table, "alloc", NULL) : UNKNOWN;
    return result == SUCCESS ? allocate(address, bytes, 0) : result;
}

CUresult cuMemAllocManaged(CUdeviceptr *address, size_t bytes, unsigned flags)
{
    (void)flags;
    return allocate(address, bytes, 1);
}

/* The live allocation of this process that holds all of [address, address + bytes). */
static Allocation *holds(Process *process, CUdeviceptr address, size_t bytes)
{
    for (int i = 0; i < MAX_ALLOCATIONS; i++) {
        Allocation *allocation = &process->allocations[i];
        if (allocation->live && address >= allocation->address &&
            bytes <= allocation->bytes && address - allocation->address <= allocation->bytes - bytes)
            return allocation;
    }
    return NULL;
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
    Table *table;
    Process *process;
    int lock;
    CUresult result = enter(&table, &process, &lock);
    if (result != SUCCESS)
        return result;
    Allocation *allocation = holds(process, address, 0);
    if (!allocation || allocation->address != address)
        return leave(lock, INVALID_VALUE);
    forget(allocation);
    return leave(lock, SUCCESS);
}

enum direction { TO_DEVICE, TO_HOST, FILL };

static CUresult move(CUdeviceptr address, void *host, size_t bytes, enum direction direction, int value)
{
    Table *table;
    Process *process;
    int lock, index;
    CUresult result = enter_context(&table, &process, &lock, &index);
    if (result != SUCCESS)
        return result;
    Allocation *allocation = holds(process, address, bytes);
    int file = allocation ? open_allocation(allocation, 0) : -1;
    if (file < 0)
        return leave(lock, INVALID_VALUE);
    char block[65536];
    memset(block, value, sizeof block);
    off_t offset = (off_t)(address - allocation->address);
    for (size_t done = 0; done < bytes;) {
        size_t size = direction == FILL && bytes - done > sizeof block ? sizeof block : bytes - done;
        ssize_t moved = direction == TO_HOST     ? pread(file, (char *)host + done, size, offset)
                        : direction == TO_DEVICE ? pwrite(file, (char *)host + done, size, offset)
                                                 : pwrite(file, block, size, offset);
        if (moved <= 0) {
            result = UNKNOWN;
            break;
        }
        done += (size_t)moved;
        offset += moved;
    }
    close(file);
    return leave(lock, result);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr device, const void *host, size_t bytes)
{
    return move(device, (void *)host, bytes, TO_DEVICE, 0);
}

CUresult cuMemcpyDtoH_v2(void *host, CUdeviceptr device, size_t bytes)
{
    return move(device, host, bytes, TO_HOST, 0);
}

CUresult cuMemsetD8_v2(CUdeviceptr device, unsigned char value, size_t bytes)
{
    return move(device, NULL, bytes, FILL, value);
}

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    Table *table;
    Process *process;
    int lock, index;
    CUresult result = enter_context(&table, &process, &lock, &index);
    if (result != SUCCESS)
        return result;
    *total = table->devices[index].memory;
    *free_bytes = *total - device_used(table, index);
    return leave(lock, SUCCESS);
}

/* ---- Checkpoints of other processes ---- */

/* The driver takes a thread id for its process: so does this. */
static int process_of(int task)
{
    char path[64], line[128];
    int pid = task;
    snprintf(path, sizeof path, "/proc/%d/status", task);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Tgid: %d", &pid) == 1)
            break;
    if (file)
        fclose(file);
    return pid;
}

static CUresult target(Table *table, int pid, Process **process)
{
    *process = pid > 0 ? process_find(table, process_of(pid)) : NULL;
    if (!*process)
        return INVALID_VALUE;
    return geteuid() == 0 || geteuid() == (*process)->uid ? SUCCESS : NOT_PERMITTED;
}

typedef CUresult (*Act)(Table *table, Process *process, void *args);

/* One call on another process: faults and delays around `act`, and the state it passes through. */
static CUresult call(const char *op, int pid, Act act, void *args, int passing)
{
    Table *table = table_open();
    Process *process;
    int before = RUNNING, state_after = STATE_UNCHANGED;
    if (!table || initialised_in != getpid())
        return NOT_INITIALIZED;
    int lock = table_lock(table);
    CUresult result = target(table, pid, &process);
    if (result == SUCCESS) {
        before = process->state;
        if (passing && table->shows_transitions && process->state == (passing == CHECKPOINTING ? LOCKED : CHECKPOINTED))
            process->state = passing;
    }
    table_unlock(lock);
    int injected = fault_before(table, op, &state_after);
    lock = table_lock(table);
    if (result == SUCCESS && (result = target(table, pid, &process)) == SUCCESS) {
        if (passing && process->state == passing)
            process->state = before;
        if (injected && state_after == TARGET_KILLED) {
            int doomed = process->pid;
            kill(doomed, SIGKILL);
            while (process_started(doomed) != 0)
                sleep_ms(1);
        }
        if (injected && state_after != STATE_UNCHANGED && state_after != TARGET_KILLED)
            process->state = state_after;
        if (injected == OUT_OF_MEMORY && strcmp(op, "restore") == 0)
            process->poisoned = 1;
        result = injected ? injected : SUCCESS;
    }
    table_unlock(lock);
    if (result == SUCCESS)
        result = act(table, process, args);
    fault_after(table, op);
    call_log(op, pid, result);
    return result;
}

/* Locks after the work that was submitted is done, or gives up after the timeout; 0 waits for ever. */
static CUresult act_lock(Table *table, Process *process, void *args)
{
    unsigned timeout = args ? ((LockArgs *)args)->timeout_ms : 0;
    uint64_t deadline = now_ms() + timeout;
    for (;;) {
        int lock = table_lock(table);
        CUresult result = process->state != RUNNING ? ILLEGAL_STATE : process->busy ? NOT_READY : SUCCESS;
        if (result == SUCCESS)
            process->state = LOCKED;
        table_unlock(lock);
        if (result != NOT_READY || (timeout > 0 && now_ms() >= deadline))
            return result;
        sleep_ms(5);
    }
}

static void move_memory(const Process *process, const char *from, const char *to)
{
    char source[512], target_path[512];
    for (int i = 0; i < MAX_ALLOCATIONS; i++) {
        if (!process->allocations[i].live)
            continue;
        path_in_state(source, sizeof source, "%s/%llx", from, (unsigned long long)process->allocations[i].address);
        path_in_state(target_path, sizeof target_path, "%s/%llx", to, (unsigned long long)process->allocations[i].address);
        rename(source, target_path);
    }
}

static CUresult checkpoint_locked(Table *table, Process *process)
{
    if (process->state != LOCKED)
        return ILLEGAL_STATE;
    for (int i = 0; i < table->device_count; i++)
        if (process->contexts[i] && table->devices[i].mig == 1)
            return OUT_OF_MEMORY; /* what people saw with MIG, misleading as it is */
    if (process->managed) {
        process->state = FAILED;
        return NOT_SUPPORTED;
    }
    move_memory(process, "device", "host");
    process->state = CHECKPOINTED;
    return SUCCESS;
}

static CUresult act_checkpoint(Table *table, Process *process, void *args)
{
    (void)args;
    int lock = table_lock(table);
    CUresult result = checkpoint_locked(table, process);
    table_unlock(lock);
    return result;
}

static int device_of(const Table *table, const CUuuid *uuid)
{
    CUuuid own;
    for (int i = 0; i < table->device_count; i++) {
        parse_uuid(table->devices[i].uuid, &own);
        if (memcmp(&own, uuid, sizeof own) == 0)
            return i;
    }
    return -1;
}

/* `moved[old] = new`. Pairs must name every device of the machine, as a permutation. */
static int read_pairs(const Table *table, const RestoreArgs *args, int *moved)
{
    int taken[MAX_DEVICES] = {0}, given[MAX_DEVICES] = {0};
    for (int i = 0; i < MAX_DEVICES; i++)
        moved[i] = i;
    if (!args || args->count == 0)
        return 1;
    if (args->count != (unsigned)table->device_count || !args->pairs)
        return 0;
    for (unsigned i = 0; i < args->count; i++) {
        int from = device_of(table, &args->pairs[i].old_uuid);
        int to = device_of(table, &args->pairs[i].new_uuid);
        if (from < 0 || to < 0 || taken[to]++ || given[from]++)
            return 0;
        moved[from] = to;
    }
    return 1;
}

static void move_to(Process *process, const int *moved)
{
    int32_t contexts[MAX_DEVICES] = {0};
    for (int i = 0; i < MAX_DEVICES; i++)
        contexts[moved[i]] = process->contexts[i];
    memcpy(process->contexts, contexts, sizeof contexts);
    for (int i = 0; i < process->visible_count; i++)
        process->visible[i] = moved[process->visible[i]];
    for (int i = 0; i < MAX_ALLOCATIONS; i++)
        process->allocations[i].device = moved[process->allocations[i].device];
}

/* The fault "corrupt": the memory comes back with its first byte changed. */
static void corrupt(const Process *process)
{
    unsigned char byte = 0;
    for (int i = 0; i < MAX_ALLOCATIONS; i++) {
        int file = process->allocations[i].live ? open_allocation(&process->allocations[i], 0) : -1;
        if (file < 0)
            continue;
        if (pread(file, &byte, 1, 0) == 1) {
            byte ^= 0xff;
            if (pwrite(file, &byte, 1, 0) != 1)
                abort();
        }
        close(file);
    }
}

static CUresult restore_checkpointed(Table *table, Process *process, const RestoreArgs *args)
{
    int moved[MAX_DEVICES];
    if (process->poisoned)
        return OPERATING_SYSTEM;
    if (process->state != CHECKPOINTED)
        return ILLEGAL_STATE;
    if (!read_pairs(table, args, moved))
        return INVALID_VALUE;
    for (int i = 0; i < table->device_count; i++) {
        uint64_t free_bytes = table->devices[moved[i]].memory - device_used(table, moved[i]);
        if (process_bytes(table, process, i) > free_bytes) {
            process->poisoned = 1;
            return OUT_OF_MEMORY;
        }
    }
    move_to(process, moved);
    move_memory(process, "host", "device");
    process->state = LOCKED;
    return SUCCESS;
}

static CUresult act_restore(Table *table, Process *process, void *args)
{
    int spoilt = fault_before(table, "corrupt", NULL);
    int lock = table_lock(table);
    CUresult result = restore_checkpointed(table, process, args);
    if (result == SUCCESS && spoilt)
        corrupt(process);
    table_unlock(lock);
    return result;
}

static CUresult act_unlock(Table *table, Process *process, void *args)
{
    (void)args;
    int lock = table_lock(table);
    CUresult result = process->state == LOCKED ? SUCCESS : ILLEGAL_STATE;
    if (result == SUCCESS)
        process->state = RUNNING;
    table_unlock(lock);
    return result;
}

static CUresult act_state(Table *table, Process *process, void *args)
{
    (void)table;
    *(int *)args = process->state;
    return SUCCESS;
}

static CUresult act_thread(Table *table, Process *process, void *args)
{
    (void)table;
    *(int *)args = process->pid;
    return SUCCESS;
}

CUresult cuCheckpointProcessGetState(int pid, int *state)
{
    Table *table = table_open();
    int code;
    if (table && table->everybody_has_state && initialised_in == getpid() && process_started(pid)) {
        int lock = table_lock(table);
        Process *process = process_find(table, pid);
        table_unlock(lock);
        if (!process && (code = fault_before(table, "state", NULL)) == SUCCESS)
            return *state = RUNNING, SUCCESS;
    }
    return call("state", pid, act_state, state, 0);
}

CUresult cuCheckpointProcessGetRestoreThreadId(int pid, int *thread)
{
    return call("restore-thread", pid, act_thread, thread, 0);
}

CUresult cuCheckpointProcessLock(int pid, LockArgs *args)
{
    return call("lock", pid, act_lock, args, 0);
}

CUresult cuCheckpointProcessCheckpoint(int pid, void *args)
{
    return call("checkpoint", pid, act_checkpoint, args, CHECKPOINTING);
}

CUresult cuCheckpointProcessRestore(int pid, RestoreArgs *args)
{
    return call("restore", pid, act_restore, args, RESTORING);
}

CUresult cuCheckpointProcessUnlock(int pid, void *args)
{
    return call("unlock", pid, act_unlock, args, 0);
}

/* ---- How callers find all of this ---- */

CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t flags, int *status);

static const struct { const char *name; void *function; } SYMBOLS[] = {
    {"cuInit", cuInit},
    {"cuDriverGetVersion", cuDriverGetVersion},
    {"cuGetErrorName", cuGetErrorName},
    {"cuGetErrorString", cuGetErrorString},
    {"cuDeviceGetCount", cuDeviceGetCount},
    {"cuDeviceGet", cuDeviceGet},
    {"cuDeviceGetUuid", cuDeviceGetUuid_v2},
    {"cuDeviceGetName", cuDeviceGetName},
    {"cuDeviceTotalMem", cuDeviceTotalMem_v2},
    {"cuDeviceGetPCIBusId", cuDeviceGetPCIBusId},
    {"cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain},
    {"cuDevicePrimaryCtxRelease", cuDevicePrimaryCtxRelease_v2},
    {"cuCtxSetCurrent", cuCtxSetCurrent},
    {"cuCtxGetCurrent", cuCtxGetCurrent},
    {"cuCtxGetDevice", cuCtxGetDevice},
    {"cuCtxSynchronize", cuCtxSynchronize},
    {"cuMemAlloc", cuMemAlloc_v2},
    {"cuMemAllocManaged", cuMemAllocManaged},
    {"cuMemFree", cuMemFree_v2},
    {"cuMemcpyHtoD", cuMemcpyHtoD_v2},
    {"cuMemcpyDtoH", cuMemcpyDtoH_v2},
    {"cuMemsetD8", cuMemsetD8_v2},
    {"cuMemGetInfo", cuMemGetInfo_v2},
    {"cuCheckpointProcessGetState", cuCheckpointProcessGetState},
    {"cuCheckpointProcessGetRestoreThreadId", cuCheckpointProcessGetRestoreThreadId},
    {"cuCheckpointProcessLock", cuCheckpointProcessLock},
    {"cuCheckpointProcessCheckpoint", cuCheckpointProcessCheckpoint},
    {"cuCheckpointProcessRestore", cuCheckpointProcessRestore},
    {"cuCheckpointProcessUnlock", cuCheckpointProcessUnlock},
    {"cuGetProcAddress", cuGetProcAddress_v2},
};

/* The driver API for checkpoints came with CUDA 12.8: an older driver does not know these names. */
static int too_new(const char *symbol)
{
    Table *table = table_open();
    return table && table->cuda_version < 12080 && strncmp(symbol, "cuCheckpoint", 12) == 0;
}

CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t flags, int *status)
{
    (void)version;
    (void)flags;
    for (size_t i = 0; i < sizeof SYMBOLS / sizeof *SYMBOLS; i++) {
        if (strcmp(SYMBOLS[i].name, symbol) != 0 || too_new(symbol))
            continue;
        *function = SYMBOLS[i].function;
        if (status)
            *status = 0;
        return SUCCESS;
    }
    *function = NULL;
    if (status)
        *status = 1;
    return NOT_FOUND;
}
