/**
 * What CodeForge takes and says, as it is on the wire. Moments are ISO 8601 text in UTC, money is
 * in US dollars; null is what is not known or does not apply.
 */

import type { Gates, GatesSaid } from '../gates.js';

type Some<T> = T | null;

export interface McpServer {
  name: string;
  /** An npm package, or a `command` over stdio, or a `url`. */
  package?: string;
  command?: string;
  url?: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
}

export interface Config {
  timeout_seconds?: number;
  cli?: string;
  ai_model?: string;
  ai_api_key?: string;
  max_turns?: number;
  target_branch?: string;
  max_budget_usd?: number;
  mcp_servers?: readonly McpServer[];
}

export interface NewTask {
  repo_url: string;
  prompt: string;
  /** For this task alone. */
  access_token?: string;
  /** The name of a registered key. */
  provider_key?: string;
  callback_url?: string;
  config?: Config;
  gates?: Gates;
}

export interface Instruction {
  prompt: string;
  timeout_seconds?: number;
  max_turns?: number;
  max_budget_usd?: number;
}

export interface Changes {
  readonly files_changed: number;
  readonly insertions: number;
  readonly deletions: number;
}

export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly duration_seconds: number;
  readonly cost_usd: Some<number>;
}

export interface Iteration {
  readonly number: number;
  readonly prompt: string;
  readonly result: Some<string>;
  readonly error: Some<string>;
  readonly status: string;
  readonly changes: Some<Changes>;
  readonly usage: Some<Usage>;
  readonly gates?: GatesSaid;
  readonly started_at: Some<string>;
  readonly ended_at: Some<string>;
}

export type TaskState =
  | 'pending'
  | 'cloning'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'awaiting_instruction'
  | 'creating_pr'
  | 'pr_created';

/** `cli` is the agent that does it, `cli_reason` why it is this one. */
export interface TaskDetails {
  readonly id: string;
  readonly task_id: string;
  readonly status: TaskState;
  readonly repo_url: string;
  readonly prompt: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly result: Some<string>;
  readonly error: Some<string>;
  readonly error_class: Some<string>;
  readonly changes_summary: Some<Changes>;
  readonly usage: Some<Usage>;
  readonly gates: Some<GatesSaid>;
  readonly iteration: number;
  readonly current_prompt: string;
  readonly iterations?: Some<readonly Iteration[]>;
  readonly cli: Some<string>;
  readonly cli_reason: Some<string>;
  /** It has spent its budget and waits for a decision. */
  readonly paused: boolean;
  readonly branch: Some<string>;
  readonly pr_number: Some<number>;
  readonly pr_url: Some<string>;
  readonly trace_id: string;
  readonly created_at: string;
  readonly started_at: Some<string>;
  readonly finished_at: Some<string>;
}

export interface Instructed {
  readonly id: string;
  readonly status: string;
  readonly iteration: number;
}

export interface Cancelling {
  readonly id: string;
  readonly status: string;
  readonly message: string;
}

export interface PullRequest {
  readonly pr_url: string;
  readonly pr_number: Some<number>;
  readonly branch: string;
}

export interface Diff {
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
  readonly notes: readonly string[];
}

export interface NewKey {
  name: string;
  provider: 'github' | 'gitlab' | 'gitea' | 'generic';
  token: string;
  scope?: string;
  host?: string;
}

export interface Key {
  readonly name: string;
  readonly provider: string;
  readonly scope: string;
  readonly host: Some<string>;
  readonly created_at: string;
}

export interface KeyVerified {
  readonly name: string;
  readonly valid: boolean;
  readonly account: string;
  readonly scopes: readonly string[];
  readonly problem: string;
}

export interface Done {
  readonly name: string;
  readonly message: string;
}

export interface Workspaces {
  readonly workspaces: readonly {
    readonly task_id: string;
    readonly size_mb: number;
    readonly created_at: string;
    readonly expires_at: string;
    readonly task_status: string;
    readonly node: string;
  }[];
  readonly total_size_mb: number;
  readonly total_count: number;
}

export interface Callback {
  readonly id: string;
  readonly url: string;
  readonly event: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly created_at: string;
  readonly next_attempt_at: Some<string>;
  readonly attempts: readonly {
    readonly number: number;
    readonly status: number;
    readonly problem: string;
    readonly duration_seconds: number;
    readonly at: string;
  }[];
}
