/* A stand-in for libnvidia-ml.so.1, over the same table as cuda.c. Never shipped; see README.md.
 * A device handle is the index of the device plus one. */
#define _GNU_SOURCE
#include "standin.h"

#include <stdio.h>
#include <string.h>

typedef int nvmlReturn_t;
typedef void *nvmlDevice_t;

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    GPU_IS_LOST = 15,
    ARGUMENT_VERSION_MISMATCH = 25,
    UNKNOWN = 999,
};

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory_v2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } ProcessInfo;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
    char bus_id[32];
} PciInfo;

static const unsigned MEMORY_V2 = 0x02000028;
static const unsigned long long NOT_AVAILABLE = ~0ULL;
enum { IDLE_MILLIWATT = 75000, PERCENT_MILLIWATT = 6250 };

static int users;

const char *nvmlErrorString(nvmlReturn_t code)
{
    switch (code) {
    case SUCCESS: return "The operation was successful";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NO_PERMISSION: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    case ARGUMENT_VERSION_MISMATCH: return "Argument version mismatch";
    default: return "Unknown Error";
    }
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
    Table *table = table_open();
    (void)flags;
    if (!table)
        return DRIVER_NOT_LOADED;
    nvmlReturn_t result = fault_before(table, "nvml-init", NULL);
    if (result == SUCCESS)
        users++;
    return result;
}

nvmlReturn_t nvmlInit_v2(void)
{
    return nvmlInitWithFlags(0);
}

nvmlReturn_t nvmlShutdown(void)
{
    if (users == 0)
        return UNINITIALIZED;
    users--;
    return SUCCESS;
}

/* Opens the table and, when `index` is asked for, the device: every call below begins here. */
static nvmlReturn_t begin(Table **table, nvmlDevice_t handle, int *index, const char *op)
{
    if (users == 0 || !(*table = table_open()))
        return UNINITIALIZED;
    if (index) {
        *index = (int)(intptr_t)handle - 1;
        if (*index < 0 || *index >= (*table)->device_count)
            return INVALID_ARGUMENT;
        if ((*table)->devices[*index].lost)
            return GPU_IS_LOST;
    }
    return fault_before(*table, op, NULL);
}

static nvmlReturn_t copy_text(const char *text, char *into, unsigned length)
{
    if (strlen(text) >= length)
        return INSUFFICIENT_SIZE;
    strcpy(into, text);
    return SUCCESS;
}

/* ---- The machine ---- */

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    Table *table;
    nvmlReturn_t result = begin(&table, NULL, NULL, "nvml-driver");
    return result == SUCCESS ? copy_text(table->driver, version, length) : result;
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
    Table *table;
    char text[64];
    nvmlReturn_t result = begin(&table, NULL, NULL, "nvml-driver");
    if (result != SUCCESS)
        return result;
    snprintf(text, sizeof text, "13.%s", table->driver);
    return copy_text(text, version, length);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    Table *table;
    nvmlReturn_t result = begin(&table, NULL, NULL, "nvml-driver");
    if (result == SUCCESS)
        *version = table->cuda_version;
    return result;
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    Table *table;
    nvmlReturn_t result = begin(&table, NULL, NULL, "nvml-count");
    if (result == SUCCESS)
        *count = (unsigned)table->device_count;
    return result;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *handle)
{
    Table *table;
    int found;
    *handle = (nvmlDevice_t)(intptr_t)(index + 1);
    return begin(&table, *handle, &found, "nvml-handle");
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *handle)
{
    Table *table;
    nvmlReturn_t result = begin(&table, NULL, NULL, "nvml-handle");
    for (int i = 0; result == SUCCESS && i < table->device_count; i++) {
        if (strcmp(table->devices[i].uuid, uuid) != 0)
            continue;
        *handle = (nvmlDevice_t)(intptr_t)(i + 1);
        return table->devices[i].lost ? GPU_IS_LOST : SUCCESS;
    }
    return result == SUCCESS ? NOT_FOUND : result;
}

/* ---- One device ---- */

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t handle, unsigned *found)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-handle");
    if (result == SUCCESS)
        *found = (unsigned)index;
    return result;
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t handle, unsigned *minor)
{
    return nvmlDeviceGetIndex(handle, minor);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t handle, char *uuid, unsigned length)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-handle");
    return result == SUCCESS ? copy_text(table->devices[index].uuid, uuid, length) : result;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t handle, char *name, unsigned length)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-handle");
    return result == SUCCESS ? copy_text(table->devices[index].model, name, length) : result;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t handle, PciInfo *info)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-handle");
    if (result != SUCCESS)
        return result;
    memset(info, 0, sizeof *info);
    info->bus = (unsigned)index + 1;
    snprintf(info->bus_id_legacy, sizeof info->bus_id_legacy, "0000:%02X:00.0", index + 1);
    snprintf(info->bus_id, sizeof info->bus_id, "00000000:%02X:00.0", index + 1);
    return SUCCESS;
}

static nvmlReturn_t read_memory(nvmlDevice_t handle, Memory *memory)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-memory");
    if (result != SUCCESS)
        return result;
    int lock = table_lock(table);
    memory->total = table->devices[index].memory;
    memory->used = device_used(table, index);
    memory->free = memory->used > memory->total ? 0 : memory->total - memory->used;
    table_unlock(lock);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t handle, Memory *memory)
{
    return read_memory(handle, memory);
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t handle, Memory_v2 *memory)
{
    Memory seen;
    if (memory->version != MEMORY_V2)
        return ARGUMENT_VERSION_MISMATCH;
    nvmlReturn_t result = read_memory(handle, &seen);
    if (result == SUCCESS)
        *memory = (Memory_v2){MEMORY_V2, seen.total, 0, seen.free, seen.used};
    return result;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t handle, unsigned *current, unsigned *pending)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-mig");
    if (result != SUCCESS)
        return result;
    if (table->devices[index].mig < 0)
        return NOT_SUPPORTED;
    *current = *pending = (unsigned)table->devices[index].mig;
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t handle, Utilization *utilization)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-utilization");
    if (result == SUCCESS)
        *utilization = (Utilization){(unsigned)table->devices[index].utilization, 0};
    return result;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t handle, unsigned *milliwatt)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-power");
    if (result == SUCCESS)
        *milliwatt = IDLE_MILLIWATT + PERCENT_MILLIWATT * (unsigned)table->devices[index].utilization;
    return result;
}

/* Rises with time since the table was made, so that a difference of two readings is never nothing. */
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t handle, unsigned long long *millijoule)
{
    Table *table;
    int index;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-energy");
    if (result == SUCCESS)
        *millijoule = table->devices[index].energy + (now_ms() - table->started_ms) * IDLE_MILLIWATT / 1000;
    return result;
}

/* ---- Processes ---- */

static nvmlReturn_t put_process(ProcessInfo *infos, unsigned room, unsigned *count, unsigned pid, unsigned long long used)
{
    if (infos && *count < room)
        infos[*count] = (ProcessInfo){pid, used, ~0U, ~0U};
    (*count)++;
    return *count > room || !infos ? INSUFFICIENT_SIZE : SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t handle, unsigned *count, ProcessInfo *infos)
{
    Table *table;
    int index;
    unsigned room = *count;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-processes");
    if (result != SUCCESS)
        return result;
    *count = 0;
    int lock = table_lock(table);
    for (int i = 0; i < MAX_PROCESSES && !table->hides_processes; i++) {
        const Process *process = &table->processes[i];
        int parked = table->lists_parked && process->pid && process->contexts[index] > 0;
        if (!process_on_device(process, index) && !parked)
            continue;
        unsigned long long used = table->hides_memory ? NOT_AVAILABLE : process_bytes(table, process, index);
        nvmlReturn_t put = put_process(infos, room, count, (unsigned)process->pid, used);
        result = put == SUCCESS ? result : put;
    }
    table_unlock(lock);
    return result;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t handle, unsigned *count, ProcessInfo *infos)
{
    return nvmlDeviceGetComputeRunningProcesses_v3(handle, count, infos);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t handle, unsigned *count, ProcessInfo *infos)
{
    Table *table;
    int index;
    unsigned room = *count;
    nvmlReturn_t result = begin(&table, handle, &index, "nvml-processes");
    if (result != SUCCESS)
        return result;
    *count = 0;
    if (table->devices[index].mps_pid == 0)
        return SUCCESS;
    return put_process(infos, room, count, (unsigned)table->devices[index].mps_pid, 0);
}
