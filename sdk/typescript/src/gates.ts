/** Gates that judge a task's work: asked for, and what they said. The same for both APIs. */

type Some<T> = T | null;

/** `true` for those that the project configures, a name for one of its profiles. */
export type Gates = boolean | string | TaskGates;

export interface TaskGates {
  profile?: string;
  gates?: readonly string[];
  /** How often the agent is sent back with what they found; 2 unless given. */
  attempts?: number;
  /** What that may cost. */
  budget_usd?: number;
  /** The task fails when they do not pass; true unless given. */
  required?: boolean;
  /** What the repository had before the task counts, too. */
  strict?: boolean;
}

export interface GatesSaid {
  readonly success: boolean;
  readonly stage: 'judging' | 'mending' | 'settled';
  /** How often the agent was sent back. */
  readonly repairs: number;
  readonly spent_usd: Some<number>;
  /** Why it was not sent back again. */
  readonly stopped: Some<string>;
  readonly problem: Some<string>;
  /** Where the change takes from the checks themselves. */
  readonly weakened: readonly string[];
  readonly gates: readonly {
    readonly name: string;
    readonly passed: boolean;
    readonly verdict: string;
    readonly message: string;
  }[];
  /** All verdicts and findings; a list tells none. */
  readonly report?: Some<Readonly<Record<string, unknown>>>;
}
