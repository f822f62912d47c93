/**
 * What Hephaestus takes and says, as it is on the wire. Moments are ISO 8601 text in UTC,
 * durations are in seconds; null is what is not known or does not apply.
 */

type Some<T> = T | null;

export type Strategy = 'risk_weighted' | 'coverage_first' | 'churn_based' | 'composite';
export type OperationState = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** A folder on the server, or a task's workspace; neither: the server's default folder. */
export interface NewGuardRails {
  workspace?: string;
  task_id?: string;
  no_format?: boolean;
  drift_check?: boolean;
  gates?: readonly string[];
  profile?: string;
  fail_fast?: boolean;
  baseline?: string;
  use_cache?: boolean;
  timeout_seconds?: number;
}

export interface Gate {
  readonly name: string;
  readonly passed: boolean;
  readonly message: string;
  readonly duration: number;
  /** The verdict, the tool, and findings as results of SARIF 2.1.0. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface GuardRails {
  readonly success: boolean;
  readonly gates: readonly Gate[];
  readonly duration: number;
  readonly task_id: string;
}

export interface NewCleanup {
  root?: string;
  task_id?: string;
  deep_clean?: boolean;
  dry_run?: boolean;
}

export interface Cleaned {
  readonly files_deleted: number;
  /** Bytes of the disk. */
  readonly size_freed: number;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly task_id: string;
}

/** A run as it is now; `progress` goes from 0 to 1. */
export interface Operation<Result = Readonly<Record<string, unknown>>> {
  readonly task_id: string;
  readonly kind: 'guard_rails' | 'cleanup';
  readonly status: OperationState;
  readonly progress: number;
  readonly stage: Some<string>;
  readonly result: Some<Result>;
  readonly error: Some<string>;
  readonly error_code: Some<string>;
  readonly created_at: string;
  readonly started_at: Some<string>;
  readonly ended_at: Some<string>;
}

export interface Cancelling {
  readonly task_id: string;
  readonly status: OperationState;
  readonly message: string;
}

export interface Where {
  workspace?: string;
  task_id?: string;
  /** Of history. */
  days?: number;
}

export interface Metrics {
  readonly churn: number;
  readonly revisions: number;
  readonly coverage: Some<number>;
  readonly complexity: Some<number>;
  readonly lines: Some<number>;
}

export interface Ranking {
  readonly path: string;
  readonly score: number;
  readonly metrics: Metrics;
  /** They sum up to `score`. */
  readonly terms: Readonly<Record<string, number>>;
}

export interface Rankings {
  readonly rankings: readonly Ranking[];
  readonly strategy: Strategy;
  readonly commit: string;
  readonly days: number;
  readonly files: number;
  readonly warnings: readonly string[];
}

export interface Hotspot {
  readonly path: string;
  readonly score: number;
  readonly metrics: Metrics;
  readonly authors: number;
  readonly owners: readonly { readonly name: string; readonly share: number; readonly commits: number }[];
  readonly fragmentation: number;
  readonly coupling: readonly { readonly path: string; readonly degree: number; readonly shared: number }[];
}

export interface Hotspots {
  readonly hotspots: readonly Hotspot[];
  readonly commit: string;
  readonly days: number;
  readonly files: number;
  readonly commits: number;
  readonly warnings: readonly string[];
}

export interface NewRefactoring extends Where {
  path: string;
  strategy?: Strategy;
  instructions?: string;
  gates?: {
    profile?: string;
    gates?: readonly string[];
    attempts?: number;
    budget_usd?: number;
    required?: boolean;
  };
}

/** The task for an agent that was made; CodeForge's client follows it. */
export interface RefactoringTask {
  readonly task_id: string;
  readonly status: string;
  readonly path: string;
  readonly created_at: string;
}

interface Measurements<Kind, File> {
  kind: Kind;
  source: string;
  files: Readonly<Record<string, File>>;
  workspace?: string;
  commit?: string;
}

/** What another system has measured, by path. */
export type NewMeasurements =
  | Measurements<'coverage', { covered: number; total: number }>
  | Measurements<'churn', { churn: number; revisions: number }>;

export interface Ingested {
  readonly workspace: string;
  readonly kind: 'coverage' | 'churn';
  readonly source: string;
  readonly commit: Some<string>;
  readonly files: number;
  readonly measured_at: string;
}
