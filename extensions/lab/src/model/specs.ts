/** The kernels of this seat that lease a GPU, as their descriptions say. */

import type { KernelSpec } from '@jupyterlab/services';

export interface IGpuKernel {
  /** The kernel's name. */
  name: string;
  title: string;
  gpuClass: string;
}

export function gpuKernels(specs: KernelSpec.ISpecModels | null): IGpuKernel[] {
  return Object.values(specs?.kernelspecs ?? {}).flatMap(spec => {
    const gpuClass = spec ? gpuClassOf(spec.metadata) : undefined;
    return spec && gpuClass !== undefined ? [{ name: spec.name, title: spec.display_name, gpuClass }] : [];
  });
}

function gpuClassOf(metadata: unknown): string | undefined {
  const provisioner = (metadata as { kernel_provisioner?: { config?: { gpu_class?: unknown } } } | undefined)
    ?.kernel_provisioner;
  const gpuClass = provisioner?.config?.gpu_class;
  return typeof gpuClass === 'string' ? gpuClass : undefined;
}
