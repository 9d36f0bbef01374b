"""The table that the stand-in libraries share, field by field as in standin.h."""

import ctypes

MAX_DEVICES, MAX_PROCESSES, MAX_ALLOCATIONS, MAX_FAULTS = 16, 64, 64, 32
STATES = ["running", "locked", "checkpointed", "failed", "checkpointing", "restoring"]
STATE_UNCHANGED, TARGET_KILLED = -1, 100


class DeviceRow(ctypes.Structure):
    _fields_ = (
        ("uuid", ctypes.c_char * 48),
        ("model", ctypes.c_char * 64),
        ("memory", ctypes.c_uint64),
        ("foreign", ctypes.c_uint64),
        ("energy", ctypes.c_uint64),
        ("mig", ctypes.c_int32),
        ("utilization", ctypes.c_int32),
        ("lost", ctypes.c_int32),
        ("mps_pid", ctypes.c_int32),
    )


class AllocationRow(ctypes.Structure):
    _fields_ = (
        ("live", ctypes.c_int32),
        ("device", ctypes.c_int32),
        ("address", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
    )


class ProcessRow(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_int32),
        ("uid", ctypes.c_uint32),
        ("started", ctypes.c_uint64),
        ("state", ctypes.c_int32),
        ("poisoned", ctypes.c_int32),
        ("busy", ctypes.c_int32),
        ("managed", ctypes.c_int32),
        ("visible_count", ctypes.c_int32),
        ("visible", ctypes.c_int32 * MAX_DEVICES),
        ("contexts", ctypes.c_int32 * MAX_DEVICES),
        ("unused", ctypes.c_int32),
        ("allocations", AllocationRow * MAX_ALLOCATIONS),
    )


class FaultRow(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_char * 32),
        ("code", ctypes.c_int32),
        ("times", ctypes.c_int32),
        ("state_after", ctypes.c_int32),
        ("delay_before_ms", ctypes.c_int32),
        ("delay_after_ms", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    )


class Table(ctypes.Structure):
    _fields_ = (
        ("driver", ctypes.c_char * 32),
        ("cuda_version", ctypes.c_int32),
        ("device_count", ctypes.c_int32),
        ("shows_transitions", ctypes.c_int32),
        ("everybody_has_state", ctypes.c_int32),
        ("hides_memory", ctypes.c_int32),
        ("hides_processes", ctypes.c_int32),
        ("lists_parked", ctypes.c_int32),
        ("unused", ctypes.c_int32),
        ("context_bytes", ctypes.c_uint64),
        ("started_ms", ctypes.c_uint64),
        ("next_address", ctypes.c_uint64),
        ("devices", DeviceRow * MAX_DEVICES),
        ("processes", ProcessRow * MAX_PROCESSES),
        ("faults", FaultRow * MAX_FAULTS),
    )
