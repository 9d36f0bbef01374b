import { LabIcon } from '@jupyterlab/ui-components';

/** A card with its chip and contacts. */
export const gpuIcon = new LabIcon({
  name: 'werkbank-lab:gpu',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 5h18a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-2v2h-2v-2h-2v2h-2v-2h-2v2H9v-2H7v2H5v-2H3a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zm1 2v9h16V7z"/>
    <circle cx="12" cy="11.5" r="3"/>
  </g>
</svg>`
});

/** An open book. */
export const lessonsIcon = new LabIcon({
  name: 'werkbank-lab:lessons',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M3 4h6a4 4 0 0 1 3 1.3A4 4 0 0 1 15 4h6a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1h-6.5a2.5 2.5 0 0 0-2 1h-1a2.5 2.5 0 0 0-2-1H3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm1 2v11h5.5c.6 0 1 .1 1.5.3V8a2 2 0 0 0-2-2zm16 0h-5a2 2 0 0 0-2 2v9.3c.5-.2.9-.3 1.5-.3H20z"/>
</svg>`
});

/** A raised hand. */
export const handIcon = new LabIcon({
  name: 'werkbank-lab:hand',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M7 14V5.5a1.4 1.4 0 0 1 2.8 0V11h.9V3.4a1.4 1.4 0 0 1 2.8 0V11h.9V4.5a1.4 1.4 0 0 1 2.8 0V12h.9V7.6a1.4 1.4 0 0 1 2.8 0V15a7 7 0 0 1-7 7h-1.4a6 6 0 0 1-4.8-2.4l-4.4-5.9a1.6 1.6 0 0 1 2.4-2.1z"/>
</svg>`
});

/** The same as a picture of its own, for the launcher: it colours no pictures of kernels, and has a light and a dark theme. */
export const GPU_PICTURE = `data:image/svg+xml,${encodeURIComponent(
  gpuIcon.svgstr.replace('width="16" height="16"', 'width="52" height="52"').replace('#616161', '#4a86d8')
)}`;
