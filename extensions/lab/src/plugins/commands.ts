/** The names of our commands: other extensions and shortcuts use them. */

export const COMPUTE = 'werkbank:compute';
export const KEEP = 'werkbank:keep';
export const RELEASE = 'werkbank:release';
export const SWITCH = 'werkbank:switch';
export const LESSONS = 'werkbank:lessons';
export const WORKSHOP = 'werkbank:workshop';
export const HAND = 'werkbank:hand';
export const NEW_NOTEBOOK = 'werkbank:new-notebook';
