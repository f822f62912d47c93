export * from './errors.js';
export { EventStream, type StreamOptions, type TaskEvent } from './events.js';
export type { Gates, GatesSaid, TaskGates } from './gates.js';
export { type Page, Pages } from './pages.js';
export type { ClientOptions, RequestOptions } from './settings.js';
export type { WaitOptions } from './waiting.js';
export * as webhooks from './webhooks.js';

export { CodeForge } from './codeforge/client.js';
export type * as codeforge from './codeforge/types.js';
export { Hephaestus } from './hephaestus/client.js';
export { CleanupRun, GuardRailsRun } from './hephaestus/run.js';
export type * as hephaestus from './hephaestus/types.js';
export { ORCHEX } from './orchex/client.js';
export { type Completed, Submission, Task } from './orchex/task.js';
export type * as reports from './orchex/reports.js';
export type * as orchex from './orchex/types.js';
