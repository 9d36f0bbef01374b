"""Stand-ins for the CUDA driver and NVML: devices without a device. See README.md."""

from tests.support.cuda.standin import GIB, MIB, StandIn, StandInDevice, compile_libraries, devices
from tests.support.cuda.targets import Target

__all__ = ["GIB", "MIB", "StandIn", "StandInDevice", "Target", "compile_libraries", "devices"]
