/**
 * What ORCHEX takes and says, as it is on the wire. Moments are ISO 8601 text in UTC, shares are
 * from 0 to 1, money is in US dollars; null is what is not known or does not apply.
 */

import type { Gates, GatesSaid } from '../gates.js';

type Words = readonly string[];
type Some<T> = T | null;

// --- agents ----------------------------------------------------------------------------------

export interface AgentConstraints {
  max_tokens?: Some<number>;
  max_concurrent_tasks?: number;
  rate_limit_per_minute?: Some<number>;
  cost_per_1k_tokens?: Some<number>;
}

/** How an agent is run and weighed; `runtime` and `base_url` override its provider's. */
export interface AgentConfig {
  base_weight?: number;
  retry_policy?: { max_retries?: Some<number>; backoff_multiplier?: number };
  runtime?: string;
  base_url?: string;
  [more: string]: unknown;
}

export interface NewAgent {
  agent_id: string;
  name: string;
  provider: string;
  model?: string;
  capabilities?: Words;
  constraints?: AgentConstraints;
  config?: AgentConfig;
  api_key?: string;
  status?: AgentState;
}

export type AgentState = 'active' | 'inactive' | 'maintenance' | 'deprecated';
export type AgentPatch = Partial<Omit<NewAgent, 'agent_id'>>;

export interface AgentRegistered {
  readonly agent_id: string;
  readonly status: string;
  readonly health: string;
  readonly registered_at: string;
}

export interface AgentHealth {
  readonly status: string;
  readonly last_check: Some<string>;
  readonly uptime_percentage: Some<number>;
  readonly avg_response_time_ms: Some<number>;
  readonly error_rate: Some<number>;
  readonly samples: number;
  readonly problem: Some<string>;
}

export interface AgentPerformance {
  readonly success_rate: Some<number>;
  readonly avg_quality_score: Some<number>;
  /** On how many verdicts the quality rests. */
  readonly judgements: number;
  readonly total_tasks_completed: number;
  readonly total_failures: number;
  readonly avg_cost_per_task: Some<number>;
  readonly total_cost_usd: number;
  readonly avg_duration_ms: Some<number>;
}

export interface AgentSummary {
  readonly agent_id: string;
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  readonly capabilities: Words;
  readonly status: AgentState;
  readonly health: AgentHealth;
  readonly performance: AgentPerformance;
  readonly registered_at: string;
  readonly last_seen: Some<string>;
}

export interface Agent extends AgentSummary {
  readonly constraints: Readonly<Required<AgentConstraints>>;
  readonly config: Readonly<AgentConfig>;
  readonly has_api_key: boolean;
  readonly breaker: { readonly state: string; readonly failures: number; readonly opened_at: Some<string> };
  readonly updated_at: string;
}

// --- routing ---------------------------------------------------------------------------------

export interface Candidate {
  readonly agent_id: string;
  /** 0 is asked first. */
  readonly tier: number;
  readonly score: number;
  readonly terms: Readonly<Record<'capability' | 'performance' | 'availability' | 'cost', number>>;
  readonly weight: number;
  readonly tries: number;
  readonly has_room: boolean;
  readonly estimated_cost_usd: Some<number>;
}

export interface Decision {
  readonly agent_id: Some<string>;
  readonly strategy: string;
  readonly decided_at: string;
  readonly candidates: readonly Candidate[];
  readonly left_out: readonly { readonly agent_id: string; readonly code: string; readonly reason: string }[];
  readonly more: number;
}

export interface Attempt {
  readonly agent_id: string;
  readonly iteration: number;
  readonly number: number;
  readonly tier: number;
  readonly started_at: string;
  readonly ended_at: Some<string>;
  readonly duration_ms: Some<number>;
  /** Null while it runs. */
  readonly verdict: Some<string>;
  readonly error_class: Some<string>;
  readonly error: Some<string>;
  readonly interrupted: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_usd: Some<number>;
  readonly first_response_ms: Some<number>;
}

export interface Routing {
  readonly task_id: string;
  readonly decision: Some<Decision>;
  readonly attempts: readonly Attempt[];
}

// --- tasks -----------------------------------------------------------------------------------

export type TaskType =
  | 'code_generation'
  | 'code_review'
  | 'debugging'
  | 'refactoring'
  | 'documentation'
  | 'testing'
  | 'architecture'
  | 'security_analysis';
export type Priority = 'low' | 'medium' | 'high' | 'critical';
export type Strategy = 'best_score' | 'least_loaded' | 'weighted';
export type TaskState = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | 'awaiting_decision';

/** What the work is about; `repository` is worked on when it is a URL or an absolute path. */
export interface TaskContext {
  repository?: string;
  repository_url?: string;
  repository_path?: string;
  branch?: string;
  provider_key?: string;
  files?: Words;
  language?: string;
  framework?: string;
  [more: string]: unknown;
}

export interface RouteRequest {
  type: TaskType;
  description?: string;
  context?: TaskContext;
  requirements?: {
    required_capabilities?: Words;
    max_tokens?: number;
    timeout_seconds?: number;
    priority?: Priority;
  };
  constraints?: { max_cost_usd?: number; preferred_providers?: Words; excluded_agents?: Words };
  metadata?: { user_id?: string; [more: string]: unknown };
  agent_id?: string;
  strategy?: Strategy;
}

export interface NewTask extends RouteRequest {
  description: string;
  /** Several agents at once; the best result that passes the gates is kept. */
  fan_out?: { agents: Words; pick?: 'gates' };
  gates?: Gates;
}

export interface TaskSubmitted {
  readonly task_id: string;
  readonly status: TaskState;
  readonly estimated_completion: Some<string>;
  readonly queue_position: Some<number>;
  readonly created_at: string;
}

export interface Changes {
  readonly files_changed: number;
  readonly insertions: number;
  readonly deletions: number;
}

export interface Finding {
  readonly message: string;
  readonly severity: string;
  readonly file: Some<string>;
  readonly line: Some<number>;
  readonly suggestion: Some<string>;
}

/** What a task came to, by its type. */
export interface Result {
  readonly code: Some<string>;
  readonly language: Some<string>;
  readonly explanation: string;
  readonly suggestions: Words;
  readonly findings: readonly Finding[];
  readonly diff: Some<string>;
  readonly changes: Some<Changes>;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface TaskSummary {
  readonly task_id: string;
  readonly type: TaskType;
  readonly status: TaskState;
  readonly description: string;
  readonly priority: Priority;
  readonly agent_id: Some<string>;
  readonly user_id: Some<string>;
  readonly created_at: string;
  readonly started_at: Some<string>;
  readonly completed_at: Some<string>;
  readonly cost_usd: Some<number>;
  readonly gates: Some<GatesSaid>;
}

/** `tier`, `attempts`, `duration_ms` and `cost_usd` are what really happened. */
export interface TaskDetails extends TaskSummary {
  readonly progress: Some<{
    readonly percentage: number;
    readonly stage: string;
    readonly message: string;
    readonly basis: string;
  }>;
  readonly queue_position: Some<number>;
  readonly estimated_completion: Some<string>;
  readonly result: Some<Result>;
  readonly error: Some<Failure>;
  readonly tier: Some<number>;
  readonly attempts: number;
  readonly duration_ms: Some<number>;
  readonly usage: Some<{ readonly input_tokens: number; readonly output_tokens: number }>;
  readonly repository: Some<string>;
  readonly branch: Some<string>;
  readonly pull_request_url: Some<string>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly retry_of: Some<string>;
  readonly parent_id: Some<string>;
  readonly fan_out: Some<{
    readonly pick: string;
    readonly tasks: Words;
    readonly tries: Some<readonly Try[]>;
  }>;
}

/** One agent's try at a task that was given to several. */
export interface Try {
  readonly task_id: string;
  readonly agent_id: string;
  readonly status: string;
  readonly kept: boolean;
  readonly checks: Readonly<Record<string, string>>;
  readonly cost_usd: Some<number>;
  readonly lines_changed: number;
  readonly problem: Some<string>;
}

export interface TaskFilter {
  status?: TaskState;
  type?: TaskType;
  agent_id?: string;
  user_id?: string;
  since?: string;
  until?: string;
  /** The size of a page, at most 100. */
  limit?: number;
}

export interface TaskCancelled {
  readonly task_id: string;
  /** `cancelling` while its agent has not stopped yet. */
  readonly status: string;
  readonly cancelled_at: Some<string>;
}

export interface Diff {
  readonly task_id: string;
  readonly files: readonly {
    readonly path: string;
    readonly old_path: Some<string>;
    readonly status: string;
    readonly additions: number;
    readonly deletions: number;
    readonly binary: boolean;
  }[];
  readonly additions: number;
  readonly deletions: number;
  readonly diff: string;
  readonly truncated: boolean;
  readonly notes: Words;
}

export type Verdict = 'approved' | 'rejected' | 'reverted';

export interface Proposed {
  readonly task_id: string;
  readonly url: Some<string>;
  readonly number: Some<number>;
  readonly branch: Some<string>;
}
