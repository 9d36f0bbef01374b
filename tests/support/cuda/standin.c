/* The shared table: see standin.h. Linked into both libraries. */
#define _GNU_SOURCE
#include "standin.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static Table *mapped;
static char mapped_from[512];

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sleep_ms(int milliseconds)
{
    struct timespec left = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    while (nanosleep(&left, &left) != 0) {
    }
}

void path_in_state(char *path, unsigned long size, const char *format, ...)
{
    const char *folder = getenv("STANDIN_CUDA_DIR");
    int length = snprintf(path, size, "%s/", folder ? folder : "");
    va_list rest;
    va_start(rest, format);
    vsnprintf(path + length, size - (unsigned long)length, format, rest);
    va_end(rest);
}

Table *table_open(void)
{
    char path[512];
    struct stat seen;
    if (!getenv("STANDIN_CUDA_DIR"))
        return NULL;
    path_in_state(path, sizeof path, "table");
    if (mapped && strcmp(path, mapped_from) == 0)
        return mapped;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return NULL;
    if (fstat(file, &seen) != 0 || seen.st_size != sizeof(Table)) {
        close(file);
        return NULL;
    }
    void *memory = mmap(NULL, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED)
        return NULL;
    mapped = memory;
    strcpy(mapped_from, path);
    return mapped;
}

uint64_t process_started(int pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0)
        return 0;
    text[length] = 0;
    /* The name may hold spaces and brackets: count fields after the last bracket. */
    char *field = strrchr(text, ')');
    if (!field || field[2] == 'Z' || field[2] == 'X')
        return 0;
    field += 2;
    for (int i = 3; i < 22 && field; i++) {
        field = strchr(field, ' ');
        field = field ? field + 1 : NULL;
    }
    return field ? strtoull(field, NULL, 10) : 0;
}

static void drop_dead(Table *table)
{
    char path[512];
    for (int i = 0; i < MAX_PROCESSES; i++) {
        Process *process = &table->processes[i];
        if (process->pid == 0 || process_started(process->pid) == process->started)
            continue;
        for (int k = 0; k < MAX_ALLOCATIONS; k++) {
            if (!process->allocations[k].live)
                continue;
            path_in_state(path, sizeof path, "device/%llx", (unsigned long long)process->allocations[k].address);
            unlink(path);
            path_in_state(path, sizeof path, "host/%llx", (unsigned long long)process->allocations[k].address);
            unlink(path);
        }
        memset(process, 0, sizeof *process);
    }
}

int table_lock(Table *table)
{
    char path[512];
    path_in_state(path, sizeof path, "lock");
    /* A descriptor of its own for each hold: so threads exclude each other too. */
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0) {
    }
    drop_dead(table);
    return lock;
}

void table_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

static Fault *fault_find(Table *table, const char *op)
{
    for (int i = 0; i < MAX_FAULTS; i++)
        if (strcmp(table->faults[i].op, op) == 0)
            return &table->faults[i];
    return NULL;
}

int fault_before(Table *table, const char *op, int *state_after)
{
    int code = 0, delay = 0;
    int lock = table_lock(table);
    Fault *fault = fault_find(table, op);
    if (fault) {
        delay = fault->delay_before_ms;
        if (fault->times > 0) {
            fault->times--;
            code = fault->code;
            if (state_after)
                *state_after = fault->state_after;
        }
    }
    table_unlock(lock);
    if (delay > 0)
        sleep_ms(delay);
    return code;
}

void fault_after(Table *table, const char *op)
{
    int lock = table_lock(table);
    Fault *fault = fault_find(table, op);
    int delay = fault ? fault->delay_after_ms : 0;
    table_unlock(lock);
    if (delay > 0)
        sleep_ms(delay);
}

void call_log(const char *op, int target, int code)
{
    char path[512], line[128];
    path_in_state(path, sizeof path, "calls.log");
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    int length = snprintf(line, sizeof line, "%s %d %d %d\n", op, (int)getpid(), target, code);
    if (write(file, line, (size_t)length) != length) {
        /* A lost line is a lost line: the tests that read it will say so. */
    }
    close(file);
}

Process *process_find(Table *table, int pid)
{
    for (int i = 0; pid > 0 && i < MAX_PROCESSES; i++)
        if (table->processes[i].pid == pid)
            return &table->processes[i];
    return NULL;
}

uint64_t process_bytes(const Table *table, const Process *process, int device)
{
    uint64_t bytes = process->contexts[device] > 0 ? table->context_bytes : 0;
    for (int i = 0; i < MAX_ALLOCATIONS; i++)
        if (process->allocations[i].live && process->allocations[i].device == device)
            bytes += process->allocations[i].bytes;
    return bytes;
}

int process_on_device(const Process *process, int device)
{
    if (process->pid == 0 || process->state == CHECKPOINTED)
        return 0;
    return process->contexts[device] > 0;
}

uint64_t device_used(const Table *table, int device)
{
    uint64_t bytes = table->devices[device].foreign;
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (process_on_device(&table->processes[i], device))
            bytes += process_bytes(table, &table->processes[i], device);
    return bytes;
}
