/** What ORCHEX takes and says of analyses, refactorings, metrics and webhooks; see `types.ts`. */
import type { Failure } from './types.js';

type Words = readonly string[];
type Some<T> = T | null;
type Figures<Names extends string> = Readonly<Record<Names, number>>;

// --- analyses --------------------------------------------------------------------------------

export interface NewAnalysis {
  /** On the server. */
  repository_path?: string;
  repository_url?: string;
  branch?: string;
  commit?: string;
  analysis_type?: 'full' | 'quick' | 'incremental';
  options?: {
    include_metrics?: boolean;
    identify_opportunities?: boolean;
    max_opportunities?: number;
    include_patterns?: Words;
    exclude_patterns?: Words;
  };
  provider_key?: string;
}

export interface AnalysisStarted {
  readonly analysis_id: string;
  readonly status: string;
  readonly estimated_completion: Some<string>;
}

export interface AnalysisSummary
  extends Figures<
    | 'total_files'
    | 'files_analyzed'
    | 'files_failed'
    | 'files_reused'
    | 'avg_chaos_score'
    | 'high_chaos_files'
    | 'total_opportunities'
    | 'estimated_debt_hours'
  > {
  readonly languages: Readonly<Record<string, number>>;
}

/** One file as it was measured, its chaos score from 0 to 100. */
export interface FileMetrics {
  readonly file_path: string;
  readonly language: string;
  readonly total_score: number;
  readonly terms: Some<Readonly<Record<string, Some<number>>>>;
  readonly complexity: Figures<'cyclomatic' | 'cognitive' | 'nesting'>;
  readonly duplication: { readonly percentage: Some<number> };
  readonly coupling: { readonly afferent: Some<number>; readonly efferent: Some<number> };
  readonly size: Figures<'lines' | 'lines_of_code' | 'functions'>;
  readonly documentation: { readonly share: Some<number> };
  readonly churn: { readonly lines_changed: Some<number>; readonly commits: Some<number> };
  /** Why it could not be measured. */
  readonly problem: Some<string>;
}

export interface Opportunity {
  readonly opportunity_id: string;
  readonly type: string;
  readonly file_path: string;
  readonly location: { readonly start_line: number; readonly end_line: number; readonly symbol: Some<string> };
  readonly description: string;
  readonly impact: Readonly<Record<string, number>>;
  readonly risk: { readonly level: 'low' | 'medium' | 'high'; readonly reason: string };
  readonly effort_hours: number;
  readonly priority: number;
}

export interface AnalysisBrief {
  readonly analysis_id: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly analysis_type: string;
  readonly repository: string;
  readonly branch: Some<string>;
  readonly commit: Some<string>;
  readonly summary: Some<AnalysisSummary>;
  readonly error: Some<Failure>;
  readonly created_at: string;
  readonly started_at: Some<string>;
  readonly completed_at: Some<string>;
  readonly duration_ms: Some<number>;
}

export interface Analysis extends AnalysisBrief {
  readonly progress: Some<{ readonly percentage: number; readonly stage: string }>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly notes?: Words;
  /** The worst files; `analyses.files()` lists all. */
  readonly chaos_metrics: readonly FileMetrics[];
  readonly opportunities: readonly Opportunity[];
}

export interface AnalysisFilter {
  repository?: string;
  status?: string;
  since?: string;
  limit?: number;
}

// --- refactorings ----------------------------------------------------------------------------

export interface NewRefactoring {
  opportunity_id: string;
  dry_run?: boolean;
  create_pr?: boolean;
  pr_options?: { title?: string; body?: string; branch?: string };
  provider_key?: string;
  agent_id?: string;
}

export interface RefactoringStarted {
  readonly refactoring_id: string;
  readonly status: string;
  readonly estimated_completion: Some<string>;
}

/** `passed` is null for a check that could not run. */
export interface SafetyCheck {
  readonly check: string;
  readonly passed: Some<boolean>;
  readonly outcome: string;
  readonly tool: string;
  readonly detail: string;
  readonly findings: Words;
  readonly duration_seconds: number;
}

export interface Refactoring {
  readonly refactoring_id: string;
  readonly status: 'running' | 'completed' | 'rolled_back' | 'failed' | 'cancelled';
  /** Where it is while it runs. */
  readonly stage: 'queued' | 'running' | 'checking' | 'proposing' | null;
  /** Null until it has ended. */
  readonly success: Some<boolean>;
  readonly opportunity_id: string;
  readonly analysis_id: string;
  readonly repository: string;
  readonly file_path: string;
  readonly dry_run: boolean;
  /** What carried it out: a tool, or an agent. */
  readonly method: Some<string>;
  readonly task_id: Some<string>;
  readonly changes: Some<Figures<'files_modified' | 'lines_added' | 'lines_removed'>>;
  readonly diff: Some<string>;
  readonly safety_report: Some<{
    readonly overall_safety: 'safe' | 'caution' | 'unsafe';
    readonly checks: readonly SafetyCheck[];
  }>;
  readonly effect: Some<
    Figures<'promised_reduction' | 'score_before' | 'score_after' | 'complexity_before' | 'complexity_after'>
  >;
  readonly pull_request: Some<{
    readonly url: string;
    readonly number: Some<number>;
    readonly title: string;
    readonly branch: string;
  }>;
  readonly error: Some<Failure>;
  readonly created_at: string;
  readonly started_at: Some<string>;
  readonly completed_at: Some<string>;
}

// --- metrics, health, status -----------------------------------------------------------------

export type Period = '1h' | '24h' | '7d' | '30d';

/** A section that was not asked for is left out. */
export interface AgentFigures {
  readonly tasks: number;
  readonly attempts?: Some<number>;
  readonly success_rate?: Some<number>;
  readonly avg_duration_ms?: Some<number>;
  readonly failures?: Some<number>;
  readonly avg_quality?: Some<number>;
  readonly judgements?: Some<number>;
  readonly cost_usd?: Some<number>;
  readonly input_tokens?: Some<number>;
  readonly output_tokens?: Some<number>;
}

export interface Metrics {
  readonly period: Period;
  readonly since: string;
  readonly total_tasks: number;
  readonly success_rate?: Some<number>;
  readonly avg_duration_ms?: Some<number>;
  readonly avg_quality?: Some<number>;
  readonly judgements?: Some<number>;
  readonly total_cost_usd?: Some<number>;
  readonly input_tokens?: Some<number>;
  readonly output_tokens?: Some<number>;
  readonly agents: Readonly<Record<string, AgentFigures>>;
}

export interface AgentMetrics extends AgentFigures {
  readonly agent_id: string;
  readonly period: Period;
  readonly since: string;
  /** Only where details were asked for. */
  readonly breakdown?: Some<{
    readonly by_error: Readonly<Record<string, number>>;
    readonly by_hour: readonly (AgentFigures & { readonly hour: string })[];
  }>;
}

export interface SystemHealth {
  readonly status: string;
  readonly version: string;
  readonly uptime_seconds: number;
  readonly components: Readonly<Record<string, string>>;
  readonly agents: Figures<'total' | 'healthy' | 'degraded' | 'unhealthy' | 'offline'>;
}

export interface SystemStatus {
  readonly system: string;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly queue: Figures<'queued_tasks' | 'running_tasks'> & { readonly avg_wait_time_ms: Some<number> };
  readonly performance: {
    readonly requests_per_second: number;
    readonly avg_response_time_ms: Some<number>;
    readonly error_rate: Some<number>;
  };
}

// --- webhooks --------------------------------------------------------------------------------

export interface NewWebhook {
  url: string;
  events: Words;
  /** Without one, a secret is made and told once. */
  secret?: string;
  active?: boolean;
}

export interface Webhook {
  readonly webhook_id: string;
  readonly url: string;
  readonly events: Words;
  readonly active: boolean;
  /** Why the server has switched it off. */
  readonly off_reason: Some<string>;
  readonly previous_secret_until: Some<string>;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A new secret, told this once; null where the caller gave it. */
export interface IssuedWebhook extends Webhook {
  readonly secret: Some<string>;
}

export interface Delivery {
  readonly delivery_id: string;
  readonly webhook_id: string;
  readonly event: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly created_at: string;
  readonly next_attempt_at: Some<string>;
  readonly attempts: readonly {
    readonly number: number;
    readonly status: number;
    readonly problem: string;
    readonly duration_ms: number;
    readonly at: string;
  }[];
}

export interface DeliveryAccepted {
  readonly delivery_id: string;
  readonly state: 'pending';
}
