"""The suite of jupyter_kernel_test for a kernel that is a job; run in a seat, by unittest."""

from tests.support import python_kernel


class TestKernelOfAJobAsAnyOther(python_kernel.PythonKernelTests):
    """Its kernelspec is on JUPYTER_PATH."""

    kernel_name = "leased"
